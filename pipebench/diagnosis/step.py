"""The recorded step of a record: its graph, its timeline, its replay, and its baseline.

Pure: nothing is measured again.
"""

from typing import Literal, NamedTuple

from pipebench.diagnosis.factors import Factors, summed_up
from pipebench.diagnosis.sharing import link_of
from pipebench.diagnosis.single_changes import Recorded
from pipebench.diagnosis.waterfall import Factor, Measured, waterfall
from pipebench.errors import CorruptRecordError, UsageError
from pipebench.plan.transfers import Message
from pipebench.records import summary
from pipebench.records.devices import MachineRecord
from pipebench.records.figures import Baseline
from pipebench.records.graphs import graph_of_run
from pipebench.records.run import RunRecord
from pipebench.records.timelines import timeline_from
from pipebench.timing.replay import Replay, replay_of
from pipebench.timing.timeline import Timeline
from pipebench.warning_codes import WarningCode


class Step(NamedTuple):
    """A record's step.

    ``sizes`` are the bytes of its messages, ``None`` in an older record; ``dilation`` is how many times slower
    time on an emulated machine runs here.
    """

    timeline: Timeline
    replay: Replay
    measured: Measured
    sizes: dict[Message, int] | None
    dilation: float = 1.0

    @property
    def recorded(self) -> Recorded:
        """The step in the form that changes are tried on."""
        speedup = self.measured.baseline_step_s / self.measured.pipeline_step_s
        return Recorded([self.replay], self.sizes, self.dilation, speedup)

    @property
    def waterfall(self) -> list[Factor]:
        """The factors of its waterfall, without words."""
        return waterfall(self.replay, self.measured)

    @property
    def factors(self) -> Factors | None:
        """The waterfall in five figures; ``None`` if no device did anything."""
        return summed_up(self.waterfall, self.timeline.graph.devices)


def step_of(record: RunRecord) -> Step | None:
    """The step of a record; ``None`` where it has none, or no figures.

    Raises:
        CorruptRecordError: Its timeline does not fit its configuration.
    """
    stored = record.timeline
    if stored is None or record.speedup is None or record.baseline is None or not record.launches:
        return None
    timeline = timeline_from(stored, graph_of_run(record))
    sizes = {
        each.message: kept.bytes
        for each, kept in zip(timeline.transfers, stored.transfers, strict=True)
        if kept.bytes is not None
    }
    return Step(
        timeline,
        replay_from(timeline, record.clock, record.machine),
        measured_of(record, record.baseline),
        sizes if len(sizes) == len(timeline.transfers) else None,
        (record.machine.time_dilation or 1.0) if record.machine is not None else 1.0,
    )


def replay_from(
    timeline: Timeline, clock: Literal["wall", "virtual"], machine: MachineRecord | None
) -> Replay:
    """The replay of a measured step.

    Args:
        timeline: the timeline of the step.
        clock: the clock that it was measured by.
        machine: the machine that was emulated, if one was.

    Raises:
        CorruptRecordError: Its order cannot be run.
    """
    virtual = clock == "virtual"
    try:
        return replay_of(timeline, ports=virtual, overhead_s=link_of(machine).overhead_s if virtual else 0.0)
    except UsageError as error:
        raise CorruptRecordError(f"timeline: cannot be run again: {error}") from None


def factors_from(
    timeline: Timeline, clock: Literal["wall", "virtual"], machine: MachineRecord | None, measured: Measured
) -> Factors | None:
    """Where a step's time goes, in five figures; ``None`` if no device did anything, or it cannot be run again."""
    try:
        replay = replay_from(timeline, clock, machine)
    except CorruptRecordError:
        return None
    return summed_up(waterfall(replay, measured), timeline.graph.devices)


def measured_of(record: RunRecord, baseline: Baseline) -> Measured:
    """The steps of a run and its baseline, from its launches and not from its summary."""
    return Measured(
        baseline_step_s=summary.baseline_step_s(record.launches),
        pipeline_step_s=summary.pipeline_step_s(record.launches),
        baseline_devices=baseline.devices,
        shared=summary.waited(record.launches) if cores_shared(record) else 1.0,
    )


def cores_shared(record: RunRecord) -> bool:
    """Whether devices took turns on cores."""
    return any(warning.code == WarningCode.CORES_SHARED for warning in record.warnings)
