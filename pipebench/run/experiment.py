"""The experiment: config -> plan -> check -> launch -> record. The only place that knows the whole order.

Whatever ends a run, every complete launch goes into a record: ``completed``, ``failed`` (it broke, or pipebench
did) or ``aborted`` (a signal, the deadline).
"""

import time
from collections.abc import Sequence
from math import inf
from pathlib import Path

import msgspec

from pipebench.config import budget
from pipebench.config.run_config import RunConfig
from pipebench.errors import (
    DeadlineError,
    InterruptedRunError,
    PipebenchError,
    RunBrokenError,
    RunFailedError,
    TerminatedRunError,
)
from pipebench.launching.company import Led
from pipebench.launching.launcher import Launcher
from pipebench.models.registry import given_to
from pipebench.records import keeping, store
from pipebench.records.keeping import Kept
from pipebench.records.run import CompletedRun
from pipebench.records.schema import Ending
from pipebench.run import ending, local_link
from pipebench.run.devices import settled
from pipebench.run.ended_records import ended_in_time, rescued
from pipebench.run.listener import Doing, Listener
from pipebench.run.next_launch import NextLaunch, job_of
from pipebench.run.recording import completed_record
from pipebench.run.settling import Measurement, check_plan
from pipebench.run.so_far import SoFar
from pipebench.system import signals
from pipebench.system.supervision import supervised
from pipebench.telemetry.gpu_watch import GpuWatch


def run(
    config: RunConfig,
    *,
    folder: Path,
    listener: Listener,
    remeasure: bool = False,
    began: float | None = None,
    company: Led | None = None,
) -> tuple[CompletedRun, Path]:
    """Measure one configuration, and store the record under ``folder``.

    Args:
        config: what to run.
        folder: where its one record goes.
        listener: who hears of progress.
        remeasure: measure this machine's link even if it was measured before.
        began: when the deadline began to count, on the ``time.monotonic`` clock; now by default.
        company: the ranks that are started elsewhere, if a launcher has started this process as one of several.

    Raises:
        PipebenchError: Nothing was started: bad input, or the machine refuses.
        RunEndedError: The run started and did not complete; its record is kept.
        NotStoredError: It was completed, and the folder could not be written.
        Exception: A bug of ours; complete launches are kept, and a note on it says where.
    """
    experiment = Experiment(config, listener, remeasure=remeasure, began=began, company=company)
    try:
        return _run(experiment, folder, company)
    except (PipebenchError, ending.RunEndedError):
        raise
    except Exception as bug:
        experiment.rescue(folder, bug)
        raise


def _run(experiment: "Experiment", folder: Path, company: Led | None) -> tuple[CompletedRun, Path]:
    """From the first look at the devices to the record, or to the error that is the user's."""
    try:
        experiment.prepare(folder)
        experiment.measure(Launcher(deadline=experiment.deadline, company=company))
        return experiment.store(folder)
    except ending.NotStoredError:
        raise
    except (InterruptedRunError, TerminatedRunError, DeadlineError, RunFailedError) as ended:
        by_signal = isinstance(ended, TerminatedRunError)
        cause = company.cause_of(ended) if by_signal and company is not None else ended
        status: Ending = "failed" if isinstance(cause, RunFailedError) else "aborted"
        raise ending.RunEndedError(cause, experiment.keep_ended(status, folder, cause)) from ended
    except (PipebenchError, OSError) as error:
        refusal = error if isinstance(error, PipebenchError) else ending.refusal(error)
        if not experiment.so_far.launches:
            raise refusal from None
        raise ending.RunEndedError(refusal, experiment.keep_ended("failed", folder, refusal)) from error


class Experiment:
    """One run, from its input to its record; several can take their launches in turn.

    Those ``beside`` it have other pipelines of the same model, and no launches of their own: they are measured in its
    launches, against its baseline.
    """

    def __init__(
        self,
        config: RunConfig,
        listener: Listener,
        *,
        remeasure: bool = False,
        began: float | None = None,
        beside: Sequence["Experiment"] = (),
        company: Led | None = None,
    ) -> None:
        self.beside, self.company = beside, company
        self.listener, self.remeasure = listener, remeasure
        self.began = time.monotonic() if began is None else began
        self.so_far = SoFar(config)
        self.gpus: GpuWatch | None = None
        self.kept: Kept | None = None

    @property
    def deadline(self) -> float:
        """On the ``time.monotonic`` clock; it counts from the start."""
        return self.began + budget.deadline_s(self.so_far.config)

    def prepare(self, folder: Path) -> None:
        """Look at the devices, read the input, check plan and folder; what is bad ends here, before anything starts.

        Raises:
            UsageError: The text is missing or not what it should be, or the folder is a file.
            EnvironmentRefusedError: This machine cannot do it, or the folder cannot be written.
            DeadlineError: The deadline passed.
        """
        with supervised(self.deadline, self._tell) as phase:
            near = None
            if self.company is not None:
                phase("waiting for the other ranks")
                place = self.company.place()
                near = {rank: place.seats[rank].device for rank in place.within_reach(0)}
                here = tuple(place.beside(0))
                self.so_far.config = msgspec.structs.replace(self.so_far.config, here=here)
            phase("looking for devices and memory")
            self.so_far.config, line = settled(self.so_far.config, near)
            phase(f"reading {self.so_far.config.text or 'the input'}")
            self.so_far.given = given_to(self.so_far.config)
            self.so_far.config = self.so_far.config.with_input(self.so_far.given)
            phase("checking the plan")
            check_plan(self.so_far.config)
            if self.so_far.config.kind.has_gpu:
                phase("looking at the GPUs")
                self.gpus = GpuWatch(self.so_far.config.gpus if near is None else len(near))
                self.so_far.environment |= self.gpus.start()
            store.check_folder(folder)
        if line is not None:
            self.listener.notice(line)

    def measure(self, launcher: Launcher) -> None:
        """All launches, one at a time."""
        for _ in range(self.so_far.config.launches):
            self.launch(launcher)

    def launch(self, launcher: Launcher) -> None:
        """The next launch; before the first one the link and the layers, where they must be known.

        Raises:
            RunFailedError: It broke.
            DeadlineError: The launcher's deadline passed.
        """
        beside = [each.so_far for each in self.beside]
        self._settle(launcher, beside)
        NextLaunch(self.so_far, beside, self.listener, self.gpus).run(launcher)

    def _settle(self, launcher: Launcher, beside: Sequence[SoFar]) -> None:
        """Measure what all launches must know and is not known yet."""
        if self.so_far.config.needs_link and self.so_far.link is None:
            job = job_of(self.so_far, beside)
            self.so_far.link = local_link.known(job, launcher, self.listener, remeasure=self.remeasure)
        measurement = Measurement(launcher, self.listener)
        if self.so_far.config.partition is None:
            self.so_far.config = measurement.balanced(job_of(self.so_far, beside))
        for each in (self.so_far, *beside):
            if each.config.needs_order:
                ordered = measurement.ordered(job_of(self.so_far, beside).of(each.config))
                each.config = ordered.config
                each.environment["order_costs"] = ordered.costs

    def store(self, folder: Path) -> tuple[CompletedRun, Path]:
        """Write the record of all launches, wherever that can be; a signal waits until that is done.

        Raises:
            NotStoredError: The folder cannot be written.
        """
        with supervised(inf, self._tell) as phase:
            phase("computing the figures")
            record = completed_record(self.so_far)
        with signals.held():
            self.kept = keeping.keep(record, folder)
        if self.kept.trouble is not None or self.kept.path is None:
            raise ending.NotStoredError(self.kept)
        return record, self.kept.path

    def keep_ended(self, status: Ending, folder: Path, error: PipebenchError) -> Kept:
        """Everything so far as a record, written wherever that can be; a signal waits until that is done.

        The figures of a run that was ended may not take long: a plan can be large.
        """
        if self.kept is None:
            with signals.held():
                record = ended_in_time(self.so_far, status, ending.failure_of(error), self._tell)
                log = error.log if isinstance(error, RunBrokenError) else ""
                self.kept = keeping.keep(record, folder, log=log)
        return self.kept

    def rescue(self, folder: Path, bug: Exception) -> None:
        """Keep complete launches though pipebench itself broke; notes below the bug's traceback say where they are."""
        if self.kept is None and self.so_far.launches:
            with signals.held():
                self.kept = keeping.keep(rescued(self.so_far, ending.failure_of(bug), self._tell), folder)
        if self.kept is not None:
            ending.note(bug, self.kept.path, self.kept.trouble, len(self.so_far.launches))

    def _tell(self, doing: str) -> None:
        self.listener.progress(Doing(doing), float(bool(self.so_far.launches)))
