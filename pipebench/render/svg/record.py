"""The picture of a stored record: its timeline, with what ran and how its figures came to be."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from pipebench.errors import UsageError
from pipebench.plurals import counted
from pipebench.records.documents import AnyRecord
from pipebench.records.explanation import ExplanationRecord
from pipebench.records.graphs import timeline_of_run, timeline_of_simulation, timeline_of_trace
from pipebench.records.run import RunRecord
from pipebench.records.simulation import SimulationRecord
from pipebench.records.spans import TimelineRecord
from pipebench.records.terms import terms_of
from pipebench.records.trace import TraceRecord
from pipebench.records.trace_explanation import TraceExplanation
from pipebench.render.head import clock_text, devices_text, plan_text, simulated_text
from pipebench.render.svg.frame import Heading
from pipebench.render.svg.timeline import timeline_svg
from pipebench.render.svg.waterfall import waterfall_svg
from pipebench.render.units import percent, seconds


class Picture(NamedTuple):
    """An SVG document, and how the figures in it came to be: wall clock, virtual time, simulated."""

    document: str
    evidence: str


def record_svg(record: AnyRecord, name: str) -> Picture:
    """The timeline of a run, a simulation or a trace; ``name`` is what errors call the record.

    Raises:
        UsageError: The record has no timeline.
        CorruptRecordError: Its timeline does not fit its configuration.
    """
    if isinstance(record, SimulationRecord):
        return _of_simulation(record)
    if isinstance(record, TraceRecord):
        return _of_trace(record)
    if not isinstance(record, RunRecord):
        raise UsageError(
            f"{name}: a {record.kind} has no timeline to draw: name a run, a simulation or a trace"
        )
    return _of_run(record, name)


def explanation_svg(explained: ExplanationRecord, record: RunRecord) -> Picture:
    """The waterfall of a run, from its explanation."""
    words = run_heading(record)
    interval = record.speedup
    remark = f"Of {record.id}: speed-up {explained.speedup:.2f}x{terms_of(record).relative}"
    if interval is not None and interval.low is not None and interval.high is not None:
        remark += f", 95 % interval {interval.low:.2f} to {interval.high:.2f}"
    order = "Each factor adds one thing to the same plan: schedule, unequal work, messages, then what disturbs it."
    steps = [  # a command in a picture can be neither read in whole nor copied
        msgspec.structs.replace(step, remedy=None, command=None) for step in explained.waterfall
    ]
    return Picture(waterfall_svg(steps, words, [f"{remark}.", order]), words.evidence)


def foreign_explanation_svg(explained: TraceExplanation) -> Picture:
    """The waterfall of a run that another program measured."""
    plan = explained.plan
    words = Heading(
        counted(plan.devices, "device"),
        "recorded by another program, wall clock",
        f"{counted(plan.stages, 'stage')}, {counted(plan.microbatches, 'microbatch', 'microbatches')}",
    )
    steps = [msgspec.structs.replace(step, remedy=None, command=None) for step in explained.waterfall]
    steps_told, bubble = counted(len(explained.steps), "step"), percent(explained.bubble.fraction)
    remark = f"Of {explained.record}: {steps_told}; bubble {bubble}."
    drawn = waterfall_svg(steps, words, [remark], total="devices busy", unit="")
    return Picture(drawn, words.evidence)


def run_heading(record: RunRecord) -> Heading:
    """What ran, and how its figures came to be."""
    return Heading(devices_text(record), clock_text(record), plan_text(record.config))


def _of_run(record: RunRecord, name: str) -> Picture:
    timeline = timeline_of_run(record)
    if timeline is None or record.timeline is None:
        raise UsageError(f"{name}: this run ended before a step was measured: it has no timeline to draw")
    layers = [device.layers for device in record.devices]
    words = run_heading(record)
    return Picture(
        timeline_svg(timeline, words, layers, list(_remarks(record, record.timeline))), words.evidence
    )


def _remarks(record: RunRecord, stored: TimelineRecord) -> Iterator[str]:
    step = f"The measured step nearest the median: {seconds(stored.makespan_s)}"
    if record.bubble is not None:
        step += f"; bubble {percent(record.bubble.fraction)} of all device time"
    if record.speedup is not None:
        step += f"; speed-up {record.speedup.value:.2f}x{terms_of(record).relative}"
    yield f"{step}."
    if record.clock == "virtual":
        yield "Virtual time: work was measured device by device on one host; waiting and messages are computed from it."
    yield f"Record {record.id}"


def _of_simulation(record: SimulationRecord) -> Picture:
    devices = counted(len(record.devices), "simulated device")
    words = Heading(devices, "simulated", simulated_text(record.config))
    step = f"One step: {seconds(record.makespan_s)}; bubble {percent(record.bubble.fraction)} of all device time."
    layers = [device.layers for device in record.devices]
    return Picture(timeline_svg(timeline_of_simulation(record), words, layers, [step]), words.evidence)


def _of_trace(record: TraceRecord) -> Picture:
    """The picture of a recorded run; it says that another program measured it."""
    words = Heading(
        counted(record.plan.devices, "device"),
        "wall clock, recorded by another program",
        record.plan.text,
    )
    step, replica = record.shown
    length, bubble = seconds(record.timeline.makespan_s), percent(record.bubble.fraction)
    told = (
        f"Step {step} of replica {replica}, the one nearest the mean of all recorded steps: {length}; "
        f"the bubble of all steps is {bubble} of all device time."
    )
    layers = [device.layers for device in record.devices]
    remarks = [told, f"Record {record.id}"]
    return Picture(timeline_svg(timeline_of_trace(record), words, layers, remarks), words.evidence)
