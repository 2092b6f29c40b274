"""Measure every reading of the claim in turn, in one session, until the budget is used up.

    round      1            2            3           ...
    launches   talk paper   talk paper   talk paper

A launch measures one baseline, and beside it all pipelines of its reading. Three of each are measured in any case; a
further one begins only if it would end within the budget.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pipebench.diagnosis.step import step_of
from pipebench.launching.launcher import Launcher
from pipebench.records import store
from pipebench.records.reproduction import Evidence, Lost, ReproductionRecord, VerdictOfClaim
from pipebench.records.run import CompletedRun
from pipebench.reproduction.claims import CLAIMS, PAPER_EIGHT_GPUS
from pipebench.reproduction.readings import Pipelines, pipeline_text
from pipebench.reproduction.verdicts import agreement, off_by
from pipebench.run import accuracy, ending
from pipebench.run.experiment import Experiment
from pipebench.run.listener import Doing, Listener
from pipebench.run.recording import completed_record
from pipebench.run.so_far import SoFar
from pipebench.system import signals

LEAST_LAUNCHES = 3
_PATIENCE = 10.0  # times the budget, after which all is given up
_LEAST_DEADLINE_S = 1800.0


class _Heard:
    """Tells a listener which reading is measured, and how much of the budget is used up."""

    def __init__(self, listener: Listener, reading: str, began: float, budget_s: float) -> None:
        self.listener, self.reading, self.began, self.budget_s = listener, reading, began, budget_s
        self.launch = 0

    def progress(self, doing: Doing, share: float) -> None:  # noqa: ARG002 - the share of a run whose end is not known here
        what = doing.smallest if self.launch else doing.text
        launch = f", launch {self.launch}" if self.launch else ""
        used = (time.monotonic() - self.began) / self.budget_s
        self.listener.progress(Doing(f"the {self.reading}{launch}", (what,)), min(used, 1.0))

    def notice(self, text: str) -> None:
        self.listener.notice(text)


class _Group:
    """One reading: its first pipeline has the launches, the others are measured in them."""

    def __init__(self, pipelines: Pipelines, listener: _Heard, began: float) -> None:
        self.pipelines, self.listener = pipelines, listener
        first, *others = pipelines.configs
        self.beside = [Experiment(config, listener, began=began) for config in others]
        self.first = Experiment(first, listener, began=began, beside=self.beside)
        self.took_s: list[float] = []

    @property
    def experiments(self) -> list[Experiment]:
        return [self.first, *self.beside]

    @property
    def launches(self) -> int:
        return len(self.first.so_far.launches)

    def prepare(self, folder: Path) -> None:
        for experiment in self.experiments:
            experiment.prepare(folder)

    def launch(self, launcher: Launcher) -> None:
        began = time.monotonic()
        self.listener.launch = self.launches + 1
        self.first.launch(launcher)
        self.took_s.append(time.monotonic() - began)

    def expected_s(self) -> float:
        """Seconds of the next launch: those of the longest so far but the first, which races and verifies too."""
        return max(self.took_s[1:] or self.took_s)


class Reproduction:
    """All readings, and the record of what has been measured of them."""

    def __init__(self, readings: Sequence[Pipelines], listener: Listener, *, budget_s: float) -> None:
        self.listener, self.budget_s = listener, budget_s
        self.began = time.monotonic()
        self.created = store.now()
        self.groups = [
            _Group(each, _Heard(listener, each.reading, self.began, budget_s), self.began)
            for each in readings
        ]

    def prepare(self, folder: Path) -> None:
        """Look at the devices and read the inputs; what is bad ends here.

        Raises:
            UsageError: An input is not what it should be, or the folder is a file.
            EnvironmentRefusedError: This machine cannot do it, or the folder cannot be written.
        """
        for group in self.groups:
            group.prepare(folder)

    def measure(self) -> None:
        """Launches in turn, until the budget is used up.

        Raises:
            RunFailedError: A launch broke.
            DeadlineError: It takes ten times the budget.
        """
        launcher = Launcher(deadline=self.began + max(_PATIENCE * self.budget_s, _LEAST_DEADLINE_S))
        told = False
        while begun := [group for group in self.groups if self._begins(group)]:
            for group in begun:
                if self._begins(group):  # the ones before it may have taken long
                    group.launch(launcher)
            told = told or self._tell_if_longer()

    def _tell_if_longer(self) -> bool:
        """Say once that three launches of each take longer than the budget, as soon as that is seen."""
        left = [LEAST_LAUNCHES - group.launches for group in self.groups]
        expected_s = sum(
            more * group.expected_s() for more, group in zip(left, self.groups, strict=True) if more > 0
        )
        whole_s = time.monotonic() - self.began + expected_s
        if whole_s <= self.budget_s:
            return False
        self.listener.notice(
            f"three launches of each take some {whole_s:.0f} s, longer than the budget of {self.budget_s:.0f} s"
        )
        return True

    @property
    def launches(self) -> int:
        """How many launches were complete, over all readings."""
        return sum(group.launches for group in self.groups)

    def _begins(self, group: _Group) -> bool:
        if group.launches < LEAST_LAUNCHES:
            return True
        return time.monotonic() - self.began + group.expected_s() <= self.budget_s

    def record(self, status: str = "completed", error: Exception | None = None) -> ReproductionRecord:
        """The record of all that has been measured."""
        failure = None if error is None else ending.failure_of(error)
        verdicts: list[VerdictOfClaim] = []
        runs: list[CompletedRun] = []
        for group in self.groups:
            for experiment in group.experiments:
                if experiment.so_far.launches:
                    run = _run(experiment.so_far)
                    verdicts.append(_verdict(group.pipelines, experiment.so_far, run, len(runs)))
                    runs.append(_without_spans(run))
        base = ReproductionRecord(
            id=store.new_id(self.created, "reproduction"),
            created=self.created.isoformat(timespec="seconds"),
            status="failed",
            verdicts=verdicts,
            runs=runs,
            budget_s=self.budget_s,
            took_s=time.monotonic() - self.began,
            failure=failure,
        )
        return msgspec.structs.replace(base, status=status)

    def ended(self, status: str, error: Exception) -> ReproductionRecord:
        """The record of a reproduction that was ended; a signal waits until that is made."""
        with signals.held():
            return self.record(status, error)


def _run(so_far: SoFar) -> CompletedRun:
    """The record of a run, with the number of its launches."""
    so_far.config = msgspec.structs.replace(so_far.config, launches=len(so_far.launches))
    return completed_record(so_far)


def _without_spans(run: CompletedRun) -> CompletedRun:
    """The run without the spans of its timeline: what was read off these is in the verdict."""
    empty = msgspec.structs.replace(run.timeline, spans=[], transfers=[], other=[])
    return msgspec.structs.replace(run, timeline=empty)


def _verdict(pipelines: Pipelines, so_far: SoFar, run: CompletedRun, number: int) -> VerdictOfClaim:
    claim = CLAIMS[pipelines.reading]
    evidence: Evidence = "emulated" if run.clock == "virtual" else "measured"
    found = agreement(
        run.speedup.value,
        run.speedup.low,
        run.speedup.high,
        claim.ratio,
        reproduces=run.device.kind.has_gpu and pipelines.full_size,
        off=off_by(accuracy.packaged()) if evidence == "emulated" else (1.0, 1.0),
    )
    return VerdictOfClaim(
        claim=claim.text,
        source=claim.source,
        reading=pipelines.reading,
        pipeline=pipeline_text(so_far.config),
        value=run.speedup.value,
        low=run.speedup.low,
        high=run.speedup.high,
        claimed=claim.ratio,
        evidence=evidence,
        full_size=pipelines.full_size,
        verdict=found.verdict,
        direction=found.direction,
        words_per_s=run.pipeline.words_per_s,
        baseline_words_per_s=run.baseline.words_per_s,
        claimed_words_per_s=PAPER_EIGHT_GPUS if pipelines.reading == "paper" else None,
        lost=_lost(run),
        run=number,
    )


def _lost(run: CompletedRun) -> Lost | None:
    """Where the rest went, in the step that stands for all."""
    step = step_of(run)
    factors = step.factors if step is not None else None
    if factors is None:
        return None
    busy_s = [device.busy_s for device in run.devices]
    busiest = max(run.devices, key=lambda device: device.busy_s)
    return Lost(
        **factors._asdict(),
        busy_share=1 - run.bubble.fraction,
        busiest=f"device {busiest.device} ({busiest.layers})",
        busiest_over_mean=busiest.busy_s * len(busy_s) / sum(busy_s),
    )
