"""One launch of a run: what it is told, and how what it reports becomes part of what is known so far."""

from collections.abc import Sequence
from contextlib import closing

import msgspec

from pipebench.config import budget
from pipebench.errors import RunFailedError
from pipebench.launching import messages
from pipebench.launching.launcher import Launcher
from pipebench.launching.phases import Phase
from pipebench.run.listener import Doing, Listener
from pipebench.run.so_far import SoFar
from pipebench.telemetry import other_runs
from pipebench.telemetry.gpu_watch import GpuWatch


def job_of(so_far: SoFar, beside: Sequence[SoFar] = ()) -> messages.Job:
    """What a launch is told.

    Args:
        so_far: what its run knows.
        beside: the same for the runs whose pipelines it measures too.
    """
    assert so_far.given is not None
    raced = so_far.raced
    return messages.Job(
        config=so_far.config,
        data=so_far.given.data,
        link=so_far.link,
        baseline_device=raced.device if raced else 0,
        form=raced.form if raced else None,
        host_flops_per_s=raced.host_flops_per_s if raced else None,
        beside=tuple(other.config for other in beside),
    )


class NextLaunch:
    """The launch that comes after those that are complete.

    Args:
        so_far: what its run knows; what the launch reports is added.
        beside: the same for the runs whose pipelines it measures too.
        listener: who hears of progress.
        gpus: watched while steps are timed, where there are any.
    """

    def __init__(
        self, so_far: SoFar, beside: Sequence[SoFar], listener: Listener, gpus: GpuWatch | None
    ) -> None:
        self.so_far, self.beside, self.listener, self.gpus = so_far, beside, listener, gpus
        self.number = len(so_far.launches)
        self.what = f"launch {self.number + 1} of {so_far.config.launches}"

    def run(self, launcher: Launcher) -> None:
        """Start it, and take what it reports until it ends.

        Raises:
            RunFailedError: The launch broke.
            DeadlineError: The launcher's deadline passed.
        """
        self._progress((Phase.START.words,), 0.0)
        job = job_of(self.so_far, self.beside)
        with other_runs.watched() as another_runs, closing(launcher.run(job)) as reports:
            self._note(beside=another_runs())
            try:
                for message in reports:
                    self._take(message)
            finally:
                self._note(beside=another_runs())
                if self.gpus is not None:
                    self.gpus.end()
        if len(self.so_far.launches) != self.number + 1:
            raise RunFailedError(f"{self.what} ended without a result")

    @property
    def _all(self) -> tuple[SoFar, ...]:
        return (self.so_far, *self.beside)

    def _note(self, *, beside: bool) -> None:
        """Record whether another run measured beside any launch of this one, and say so the first time."""
        before = self.so_far.environment.get("another_run_beside", False)
        if beside and not before:
            self.listener.notice("another pipebench run measures on this machine: each slows the other down")
        for each in self._all:
            each.environment["another_run_beside"] = bool(before or beside)

    def _take(self, message: messages.AnyMessage) -> None:
        match message:
            case messages.Progress():
                self._progress(message.words, message.share)
                if message.phase is Phase.TIMED and self.gpus is not None:
                    self.gpus.begin()
            case messages.Verified():
                self._all[message.which].verification = message.verification
            case messages.Measured():
                self._take_measured(self._all[message.which], message)
            case messages.Devices() | messages.Environment() | messages.Raced():
                for each in self._all:
                    self._learn(each, message)

    def _take_measured(self, so_far: SoFar, measured: messages.Measured) -> None:
        so_far.launches.append(measured.launch)
        so_far.timelines += measured.timelines
        if self.gpus is not None:
            self.gpus.end()
            so_far.environment |= self.gpus.environment()

    def _learn(
        self, so_far: SoFar, message: messages.Devices | messages.Environment | messages.Raced
    ) -> None:
        """Take what holds for this run and for those beside it."""
        match message:
            case messages.Devices():
                so_far.device_names = message.names
                so_far.ranks, so_far.links = message.ranks, message.links
            case messages.Environment():
                so_far.environment |= message.values
            case messages.Raced():
                self._take_race(so_far, message)

    def _take_race(self, so_far: SoFar, raced: messages.Raced) -> None:
        """Take what a race found of the model, and which baseline fits; it holds for all launches."""
        so_far.raced = raced
        config = so_far.config
        config = msgspec.structs.replace(config, found={**(config.found or {}), **raced.found})
        if raced.baseline_partition is not None and config.baseline_partition is None:
            devices = len(raced.baseline_partition)
            config = msgspec.structs.replace(config, baseline_partition=raced.baseline_partition)
            self.listener.notice(
                f"the model does not fit on one device: the baseline is the naive schedule on {devices} devices, the "
                f"speed-up is relative to {devices} devices"
            )
        so_far.config = config
        if raced.too_big:
            so_far.environment["baseline_forms_too_big"] = ", ".join(raced.too_big)

    def _progress(self, parts: tuple[str, ...], share: float) -> None:
        """Report progress, by the time that each launch is expected to take; the first one also races and verifies."""
        config = self.so_far.config
        later = budget.launch_s(config) / budget.run_s(config)
        first = 1 - later * (config.launches - 1)
        done = share * first if self.number == 0 else first + later * (self.number - 1 + share)
        self.listener.progress(Doing(self.what, parts), done)
