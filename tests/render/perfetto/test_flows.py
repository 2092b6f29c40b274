"""Arrows where clocks do not agree; all others are in ``test_document``."""

from dataclasses import replace

from pipebench.records.timelines import timeline_record
from pipebench.render.perfetto.document import one_file
from pipebench.render.perfetto.step import ShownStep
from pipebench.timing.timeline import Timeline
from tests.builders import small_timeline
from tests.render.perfetto_reader import Flow, read


def flows(timeline: Timeline) -> dict[str, Flow]:
    sizes = [each.bytes for each in timeline_record(timeline, clock="wall").transfers]
    trace = read(one_file(ShownStep(timeline, ["", ""], "wall clock", {}, sizes)))
    return {flow.end.name: flow for flow in trace.flows}


def moved(timeline: Timeline, text: str, by_s: float) -> Timeline:
    """One action earlier or later, whatever the others do."""
    return replace(
        timeline,
        spans=tuple(
            span._replace(start_s=span.start_s + by_s, end_s=span.end_s + by_s)
            if timeline.graph.text(span.action) == text
            else span
            for span in timeline.spans
        ),
    )


def test_an_arrow_goes_over_its_message() -> None:
    flow = flows(small_timeline())["1F0"]
    assert (flow.name, flow.start.name, flow.end.name) == ("microbatch 0", "0F0", "1F0")
    assert flow.over is not None
    assert flow.over.name == "0F0 to device 1"


def test_an_action_that_seems_to_start_before_its_input_is_there_has_an_arrow_all_the_same() -> None:
    flow = flows(moved(small_timeline(), "1F0", -0.5))["1F0"]  # 0F0 ends at 1, 1F0 begins at 0.75
    assert (flow.start.name, flow.end.start_ns) == ("0F0", 750_000_000)


def test_a_message_that_seems_to_be_late_is_left_out_of_its_arrow() -> None:
    timeline = small_timeline()
    late = tuple(each._replace(start_s=8.0, end_s=8.25) for each in timeline.transfers)
    assert flows(replace(timeline, transfers=late))["1F0"].over is None


def test_a_step_without_recorded_messages_has_arrows() -> None:
    found = flows(replace(small_timeline(), transfers=()))
    assert sorted(found) == ["0B0", "0B1", "1F0", "1F1"]
    assert all(flow.over is None for flow in found.values())
