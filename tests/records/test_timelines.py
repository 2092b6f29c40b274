import json
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.errors import CorruptRecordError
from pipebench.models.outline import MemoryBytes
from pipebench.plan.graph import Graph
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import Message
from pipebench.records.figures import Memory
from pipebench.records.spans import TimelineRecord
from pipebench.records.timelines import bubble, busy_s, device_usages, timeline_from, timeline_record
from pipebench.timing.costs import MeasuredCosts, UniformCosts
from pipebench.timing.links import Link, latency_only
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Timeline
from tests.builders import PIPELINED, PROPERTY, graphs, plan_of, random_costs, small_timeline
from tests.graphs import branching_graphs, shared_graphs


def test_a_span_holds_its_device_and_its_action_as_text() -> None:
    record = timeline_record(small_timeline(), clock="simulated")
    spans = [(span.device, span.action, span.start_s, span.end_s) for span in record.spans]
    assert sorted(spans)[:4] == [
        (0, "0B0", 7.5, 9.5),
        (0, "0B1", 5.5, 7.5),
        (0, "0F0", 0, 1),
        (0, "0F1", 1, 2),
    ]
    assert len(spans) == 8
    assert (record.clock, record.makespan_s, record.other) == ("simulated", 9.5, [])


def test_a_transfer_holds_both_ends_its_producer_and_its_consumer_as_text() -> None:
    record = timeline_record(small_timeline(), clock="simulated")
    found = {
        (t.action, t.consumer): (t.sender, t.receiver, t.ready_s, t.start_s, t.end_s, t.bytes)
        for t in record.transfers
    }
    assert found == {
        ("0F0", "1F0"): (0, 1, 1, 1, 1.25, None),
        ("0F1", "1F1"): (0, 1, 2, 2, 2.25, None),
        ("1B1", "0B1"): (1, 0, 5.25, 5.25, 5.5, None),
        ("1B0", "0B0"): (1, 0, 7.25, 7.25, 7.5, None),
    }


def test_the_size_of_messages_is_stored_where_it_is_known() -> None:
    def size(message: Message) -> int:
        return 1000 + message.producer.microbatch

    record = timeline_record(small_timeline(), clock="virtual", message_bytes=size)
    assert {t.action: t.bytes for t in record.transfers} == {
        "0F0": 1000,
        "0F1": 1001,
        "1B1": 1001,
        "1B0": 1000,
    }


def test_only_compute_actions_are_spans_and_the_optimizer_is_other_work() -> None:
    plan = plan_of("gpipe", 2, 2)
    record = timeline_record(simulate(plan, random_costs(plan.graph, 3), Link(0.5)), clock="virtual")
    assert len(record.spans) == 8
    assert sorted((work.device, work.name) for work in record.other) == [
        *((0, "optimizer"), (0, "zero_grad"), (1, "optimizer"), (1, "zero_grad"))
    ]


@PROPERTY
@given(
    graph=graphs | shared_graphs,
    schedule=st.sampled_from(PIPELINED),
    seed=st.integers(0, 100),
    split=st.booleans(),
)
def test_a_timeline_comes_back_from_its_record_as_it_was(
    graph: Graph, schedule: str, seed: int, *, split: bool
) -> None:
    graph = replace(graph, split_backward=split)
    timeline = simulate(SCHEDULES[schedule].plan(graph), random_costs(graph, seed), Link(0.3))
    document = msgspec.json.encode(timeline_record(timeline, clock="virtual"))
    back = timeline_from(msgspec.json.decode(document, type=TimelineRecord), graph)
    assert in_order(back) == in_order(timeline)
    assert back.makespan_s == timeline.makespan_s
    assert [back.usage(device) for device in range(graph.devices)] == [
        timeline.usage(device) for device in range(graph.devices)
    ]


@PROPERTY
@given(graph=st.one_of(branching_graphs(), shared_graphs), seed=st.integers(0, 100))
def test_a_timeline_of_stages_side_by_side_comes_back_as_it_was(graph: Graph, seed: int) -> None:
    timeline = simulate(SCHEDULES["gpipe"].plan(graph), random_costs(graph, seed), Link(0.3))
    document = msgspec.json.encode(timeline_record(timeline, clock="virtual"))
    back = timeline_from(msgspec.json.decode(document, type=TimelineRecord), graph)
    assert in_order(back) == in_order(timeline)
    assert back.bubble_fraction == pytest.approx(timeline.bubble_fraction)


def in_order(timeline: Timeline) -> Timeline:
    """A record keeps the work that belongs to no slice apart from the slices' spans."""
    return replace(timeline, spans=tuple(sorted(timeline.spans)))


# Stage 0 feeds shards 1 and 2 and they feed the loss, all three on device 1.
BESIDE = Graph(4, 1, device_of=(0, 1, 1, 1), feeds=((1, 2), (3,), (3,), ()), chain=1)


def beside() -> tuple[Timeline, TimelineRecord]:
    """A timeline in which one result crosses to one device twice, and as it is stored."""
    timeline = simulate(SCHEDULES["gpipe"].plan(BESIDE), UniformCosts(1, 2), Link(0.5))
    return timeline, timeline_record(timeline, clock="virtual")


def test_two_consumers_of_a_result_on_one_device_are_told_apart() -> None:
    timeline, record = beside()
    assert sorted((t.action, t.consumer, t.start_s, t.end_s) for t in record.transfers) == [
        ("0F0", "1F0", 1.0, 1.5),
        ("0F0", "2F0", 1.5, 2.0),
        ("1B0", "0B0", 11.0, 11.5),
        ("2B0", "0B0", 9.0, 9.5),
    ]
    assert timeline_from(record, BESIDE) == timeline


def test_a_record_from_before_consumers_were_stored_still_reads() -> None:
    timeline = small_timeline()
    document = msgspec.to_builtins(timeline_record(timeline, clock="virtual"))
    for transfer in document["transfers"]:
        del transfer["consumer"]
    record = msgspec.convert(document, TimelineRecord)
    assert all(transfer.consumer is None for transfer in record.transfers)
    assert timeline_from(record, timeline.graph) == timeline


@pytest.mark.parametrize("consumer", ["3F0", "0F0", "2F1", "9F0", "2F0.1", "0SEND_F0>2", "", "\x1b[31m"])
def test_a_transfer_to_an_action_that_does_not_need_it_is_refused(consumer: str) -> None:
    _, record = beside()
    first, *others = record.transfers
    changed = msgspec.structs.replace(first, consumer=consumer)
    with pytest.raises(CorruptRecordError, match="not one of this configuration"):
        timeline_from(msgspec.structs.replace(record, transfers=[changed, *others]), BESIDE)


def test_a_clock_that_the_schema_does_not_know_is_refused_when_written() -> None:
    document = msgspec.json.encode(timeline_record(small_timeline(), clock="sundial"))
    assert json.loads(document)["clock"] == "sundial"
    with pytest.raises(msgspec.ValidationError, match="clock"):
        msgspec.json.decode(document, type=TimelineRecord)


def test_the_table_by_device_splits_the_makespan() -> None:
    first, second = device_usages(small_timeline(), ["embedding + LSTM 0", "LSTM 1 + projection"])
    assert (first.device, first.layers) == (0, "embedding + LSTM 0")
    assert (first.busy_s, first.waiting_s, first.transfer_s, first.idle_s) == (6.0, 3.25, 0.25, 0.0)
    assert (second.device, second.layers) == (1, "LSTM 1 + projection")
    assert (second.busy_s, second.waiting_s, second.transfer_s, second.idle_s) == (6.0, 0.0, 0.0, 3.5)
    assert (first.activations_alive, second.activations_alive) == (2, 2)
    assert first.memory is second.memory is None


def test_memory_by_device_is_labelled_computed_and_its_peak_is_unknown() -> None:
    memory = [MemoryBytes(10, 20, 0, 40), MemoryBytes(1, 2, 3, 4)]
    _, second = device_usages(small_timeline(), ["a", "b"], memory)
    assert second.memory == Memory(1, 2, 3, 4, label="computed", peak_bytes=None)


def test_the_bubble_is_stored_with_its_definition() -> None:
    stored = bubble(small_timeline())
    assert stored.fraction == pytest.approx(1 - 12 / 19, rel=1e-12)
    assert stored.definition == "1 - busy / (devices x makespan)"


CLIPPED = Graph(2, 1, clips=True)


def clipped() -> tuple[Timeline, TimelineRecord]:
    """F = 1, B = 2, messages 0.5, and 0.25 for each share of the norm, their sum, and taking note of it."""
    costs = dict.fromkeys(CLIPPED.actions(), 0.25) | {
        action: {"F": 1.0, "B": 2.0}[action.operation.value]
        for action in CLIPPED.actions()
        if action.operation.value in "FB"
    }
    timeline = simulate(
        SCHEDULES["gpipe"].plan(CLIPPED), MeasuredCosts(costs, after={0: 1.0}), latency_only(0.5)
    )
    return timeline, timeline_record(timeline, clock="virtual")


def test_the_norm_of_all_gradients_is_other_work_of_a_step() -> None:
    _, record = clipped()
    assert sorted((o.start_s, o.end_s, o.device, o.name) for o in record.other) == [
        (4.5, 4.75, 1, "norm"),
        (7.0, 7.25, 0, "norm"),
        (7.25, 7.5, 0, "norm_total"),
        (7.5, 7.75, 0, "clip"),
        (7.75, 8.75, 0, "optimizer"),
        (8.0, 8.25, 1, "clip"),
    ]
    assert sorted(span.action for span in record.spans) == ["0B0", "0F0", "1B0", "1F0"]
    assert [(t.action, t.consumer) for t in record.transfers] == [
        *(("0F0", "1F0"), ("1B0", "0B0"), ("1NORM", "0TOTAL"), ("0TOTAL", "1CLIP"))
    ]


def test_a_stored_timeline_of_a_clipped_run_comes_back() -> None:
    timeline, record = clipped()
    document = msgspec.json.encode(record)
    back = timeline_from(msgspec.json.decode(document, type=TimelineRecord), CLIPPED)
    assert in_order(back) == in_order(timeline)
    assert back.makespan_s == timeline.makespan_s == 8.75
    assert [back.usage(device) for device in (0, 1)] == [timeline.usage(device) for device in (0, 1)]
    assert busy_s(record) == 6 + 5 * 0.25 + 1.0


@pytest.mark.parametrize(
    ("graph", "changes"),
    [
        (Graph(2, 1), {}),  # a run in which nothing is clipped
        (CLIPPED, {"device": 2}),
        (CLIPPED, {"device": 1, "name": "norm_total"}),
    ],
)
def test_a_norm_that_no_device_of_the_run_computes_is_refused(
    graph: Graph, changes: dict[str, object]
) -> None:
    _, record = clipped()
    first, *others = (other for other in record.other if other.name == "norm")
    changed = msgspec.structs.replace(first, **changes)
    with pytest.raises(CorruptRecordError, match="not one of this configuration"):
        timeline_from(msgspec.structs.replace(record, transfers=[], other=[changed, *others]), graph)
