"""Spans of several slices, in a record and back."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.errors import CorruptRecordError
from pipebench.plan.actions import Operation, parse_action
from pipebench.plan.graph import Graph
from pipebench.plan.plan import plan_from_csv
from pipebench.plan.schedules import SCHEDULES
from pipebench.records.figures import DeviceUsage
from pipebench.records.spans import SpanRecord, TimelineRecord
from pipebench.records.timelines import device_usages, timeline_from, timeline_record
from pipebench.timing.costs import UniformCosts
from pipebench.timing.links import Link
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Timeline
from tests.builders import PROPERTY, graphs
from tests.cells import PLANS, step_of_cells

COSTS = UniformCosts(1.0, backward_input=2.0, backward_weight=3.0)
CSV = "0F0.0,0F0.1,0I0.1,0I0.0,0F1.0,0F1.1,0I1.1,0I1.0,0W0-1.*\n1F0.0-1,1I0.0-1,1W0.0-1,1F1.0-1,1I1.0-1,1W1.0,1W1.1\n"


def stored(timeline: Timeline) -> TimelineRecord:
    document = msgspec.json.encode(timeline_record(timeline, clock="virtual"))
    return msgspec.json.decode(document, type=TimelineRecord)


def small() -> tuple[TimelineRecord, Graph]:
    timeline = simulate(plan_from_csv(CSV), COSTS, Link(0.5))
    return stored(timeline), timeline.graph


def with_texts(record: TimelineRecord, **texts: str) -> TimelineRecord:
    """``_1W0_0_1="1W0.1"`` stands for ``1W0.0-1`` renamed; spans that are not named stay."""
    spans = [msgspec.structs.replace(s, action=texts.get(_name(s.action), s.action)) for s in record.spans]
    return msgspec.structs.replace(record, spans=spans)


def _name(text: str) -> str:
    return "_" + text.replace(".", "_").replace("-", "_").replace("*", "all")


@pytest.mark.parametrize("name", PLANS)
def test_a_timeline_with_cells_comes_back_from_its_record_as_it_was(name: str) -> None:
    timeline = step_of_cells(PLANS[name])
    back = timeline_from(stored(timeline), timeline.graph)
    assert back == timeline
    assert back.plan == PLANS[name]


@PROPERTY
@given(graphs, st.integers(1, 3))
def test_cells_of_any_microbatches_come_back(graph: Graph, step: int) -> None:
    """A gpipe whose W run as one over so many microbatches with all of their chunks."""
    graph = replace(graph, split_backward=True)
    programs = []
    for program in SCHEDULES["gpipe"].plan(graph).programs:
        units = [a for a in program if a.operation is not Operation.BACKWARD_WEIGHT]
        stage, many = program[0].stage, graph.microbatches
        cells = [
            parse_action(f"{stage}W{m}")._replace(microbatches=min(step, many - m), chunks=graph.chunks)
            for m in range(0, many, step)
        ]
        programs.append((*units, *cells))
    timeline = simulate(replace(SCHEDULES["gpipe"].plan(graph), programs=tuple(programs)), COSTS, Link(0.25))
    assert timeline_from(stored(timeline), graph) == timeline


def test_a_span_of_a_cell_holds_its_slices_as_text() -> None:
    record, _ = small()
    assert {span.action for span in record.spans if "-" in span.action} == {
        *("0W0-1.*", "1F0.0-1", "1I0.0-1", "1W0.0-1", "1F1.0-1", "1I1.0-1")
    }
    assert all("-" not in f"{each.action}{each.consumer}" for each in record.transfers)


def test_a_whole_backward_is_a_cell_where_others_are_in_halves() -> None:
    plan = plan_from_csv("0F0,0F1,0I0,0W0,0B1\n1F0,1B0,1F1,1B1\n")
    timeline = simulate(plan, UniformCosts(1, backward_input=2, backward_weight=3))
    record = stored(timeline)
    assert timeline_from(record, timeline.graph) == timeline
    with pytest.raises(CorruptRecordError, match=r"timeline: .*(0I0|0W0)"):
        timeline_from(record, replace(timeline.graph, split_backward=False))


@pytest.mark.parametrize(
    ("renamed", "to"),
    [
        ("_1W0_0_1", "1W0.0-2"),  # no such chunk
        ("_0W0_1_all", "0W0-2.*"),  # no such microbatch
        ("_1W0_0_1", "1W0.1-0"),
        ("_1W0_0_1", "2W0.0-1"),  # no such stage
        ("_1W0_0_1", "1RECV_F0.0"),
        ("_1W0_0_1", "1NORM"),
        ("_1W0_0_1", "0W0.0-1"),  # another device's
        ("_1W0_0_1", "1W0.0-999999999"),
        ("_1W0_0_1", "W"),
    ],
)
def test_cells_that_the_graph_does_not_have_are_refused(renamed: str, to: str) -> None:
    record, graph = small()
    with pytest.raises(CorruptRecordError, match="timeline: "):
        timeline_from(with_texts(record, **{renamed: to}), graph)


@pytest.mark.parametrize("to", ["1W0-1.*", "1W1.0-1", "1F0.0-1", "1B0.0-1"])
def test_cells_that_run_a_unit_again_are_refused(to: str) -> None:
    record, graph = small()
    with pytest.raises(CorruptRecordError, match="both run 1"):
        timeline_from(with_texts(record, _1W0_0_1=to), graph)


def test_the_same_cell_twice_is_refused() -> None:
    record, graph = small()
    twice = msgspec.structs.replace(record, spans=[*record.spans, SpanRecord(1, "1W0.0-1", 90.0, 91.0)])
    with pytest.raises(CorruptRecordError, match=r"1W0\.0-1 and 1W0\.0-1 both run"):
        timeline_from(twice, graph)


def test_a_cell_of_slices_in_which_its_stage_does_not_live_is_refused() -> None:
    graph = Graph(2, 1, 4, segments=2, lives=((0, 1), (1,)), split_backward=True)
    span = SpanRecord(1, "1W0.0-1", 0.0, 1.0)
    record = TimelineRecord("virtual", 1.0, [span], [], [])
    with pytest.raises(CorruptRecordError, match=r"1W0\.0-1"):
        timeline_from(record, graph)
    alive = msgspec.structs.replace(record, spans=[msgspec.structs.replace(span, action="1W0.1-2")])
    assert timeline_from(alive, graph).spans[0].action.chunks == 2  # one of them is there


def test_an_end_of_a_transfer_is_no_cell() -> None:
    record, graph = small()
    first = msgspec.structs.replace(record.transfers[0], consumer="1F0.0-1")
    with pytest.raises(CorruptRecordError, match="not one of this configuration"):
        timeline_from(msgspec.structs.replace(record, transfers=[first]), graph)


def test_devices_tell_how_many_slices_wait_for_their_weights_gradients_alone() -> None:
    timeline = simulate(plan_from_csv(CSV), COSTS, Link(0.5))
    devices = device_usages(timeline, ["a", "b"])
    assert [device.weights_waiting for device in devices] == [4, 2]
    assert [device.activations_alive for device in devices] == [4, 2]


def test_devices_of_an_older_record_have_none_waiting() -> None:
    old = (
        b'{"device":0,"layers":"a","busy_s":1,"waiting_s":0,"transfer_s":0,"idle_s":0,"activations_alive":1}'
    )
    assert msgspec.json.decode(old, type=DeviceUsage).weights_waiting == 0
