"""What is shown of a record: one step, the names of its devices, and how its times came to be."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pipebench.errors import CorruptRecordError, UsageError
from pipebench.records.documents import AnyRecord
from pipebench.records.figures import DeviceUsage
from pipebench.records.graphs import timeline_of_run, timeline_of_simulation, timeline_of_trace
from pipebench.records.run import RunRecord
from pipebench.records.simulation import SimulationRecord
from pipebench.records.spans import TimelineRecord
from pipebench.records.trace import OtherSpan, TraceRecord
from pipebench.render.head import clock_text
from pipebench.render.perfetto.events import Scalar
from pipebench.timing.timeline import Timeline

MADE_BY = "pipebench"
_OF_ANOTHER = "wall clock, recorded by another program"


class ShownStep(NamedTuple):
    """A step of a record.

    ``layers`` says what each device has; ``evidence`` how the times came to be, such as: emulated, virtual time.
    ``sizes_bytes`` has the size of each transfer, ``None`` where it is unknown. ``others`` are operations that the
    timeline does not have.
    """

    timeline: Timeline
    layers: Sequence[str]
    evidence: str
    about: Mapping[str, Scalar]
    sizes_bytes: Sequence[int | None]
    others: Sequence[OtherSpan] = ()


def shown_step(record: AnyRecord, name: str) -> ShownStep:
    """The step that a record has; ``name`` is what errors call the record.

    Raises:
        UsageError: The record has no timeline.
        CorruptRecordError: Its timeline does not fit its configuration.
    """
    if isinstance(record, SimulationRecord):
        return _step(
            timeline_of_simulation(record), record.timeline, record.devices, "simulated", "simulation"
        )
    if isinstance(record, TraceRecord):
        found = _step(timeline_of_trace(record), record.timeline, record.devices, _OF_ANOTHER, record.kind)
        _check_devices(record)
        step, replica = record.shown
        about = {**found.about, "record": record.id, "step": step, "replica": replica}
        return found._replace(about=about, others=record.others)
    if not isinstance(record, RunRecord):
        raise UsageError(f"{name}: a {record.kind} has no timeline: name a run, a simulation or a trace")
    timeline = timeline_of_run(record)
    if timeline is None or record.timeline is None:
        raise UsageError(f"{name}: this run ended before a step was measured: it has no timeline")
    found = _step(timeline, record.timeline, record.devices, clock_text(record), record.kind)
    return found._replace(about={**found.about, "record": record.id})


def _check_devices(record: TraceRecord) -> None:
    for other in record.others:
        if other.device >= record.plan.devices:
            raise CorruptRecordError(
                f"others: {other.operation} runs on device {other.device}, expected one of {record.plan.devices}"
            )


def _step(
    timeline: Timeline, stored: TimelineRecord, devices: Sequence[DeviceUsage], evidence: str, kind: str
) -> ShownStep:
    about: dict[str, Scalar] = {
        "made_by": MADE_BY,
        "kind": kind,
        "clock": stored.clock,
        "times": evidence,
        "step_s": timeline.makespan_s,
    }
    layers = [device.layers for device in devices]
    return ShownStep(timeline, layers, evidence, about, [transfer.bytes for transfer in stored.transfers])
