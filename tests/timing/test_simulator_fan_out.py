"""The simulator on stages side by side: one result for several stages, several inputs of one."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.models.layout import Shape, graph_of
from pipebench.plan.check import check
from pipebench.plan.graph import Graph
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import Message, messages_of
from pipebench.timing.costs import UniformCosts
from pipebench.timing.links import Link, latency_only
from pipebench.timing.simulator import DeadlockError, simulate
from pipebench.timing.timeline import Timeline
from tests.builders import PROPERTY, plan_by_hand, random_costs
from tests.graphs import SHARED_GRID, branching_graphs, shared_graphs
from tests.timing.by_hand import earliest_ends, lanes

seeds = st.integers(0, 10**6)

# Stage 0 feeds shards on devices 1, 2 and 3; the loss is stage 4, on device 2.
THREE_SHARDS = SCHEDULES["gpipe"].plan(graph_of(Shape(1, 3), 1, 1))


def by_both_ends(timeline: Timeline) -> dict[str, tuple[float, float, float]]:
    """Ready, start and end of each message, by its send."""
    return {str(t.message.send): (t.ready_s, t.start_s, t.end_s) for t in timeline.transfers}


def test_a_result_for_several_leaves_through_one_egress_port_one_message_after_the_other() -> None:
    timeline = simulate(THREE_SHARDS, UniformCosts(1, 2), Link(2.0))
    found = by_both_ends(timeline)
    assert found["0SEND_F0"] == (1, 1, 3)
    assert found["0SEND_F0>2"] == (1, 3, 5)
    assert found["0SEND_F0>3"] == (1, 5, 7)
    assert lanes(timeline) == [
        "0F0 0-1, 0B0 23-25",
        "1F0 3-4, 1B0 15-17",
        "2F0 5-6, 4F0 10-11, 4B0 11-13, 2B0 13-15",
        "3F0 7-8, 3B0 17-19",
    ]


def test_gradients_of_several_come_through_one_ingress_port_one_message_after_the_other() -> None:
    """The loss sends to shards 1 and 3 first; the second shard's gradient waits for the port of their device."""
    found = by_both_ends(simulate(THREE_SHARDS, UniformCosts(1, 2), Link(2.0)))
    assert found["1SEND_F0>4"] == (4, 5, 7)  # until 5 the input of shard 2 holds the ingress port of the loss
    assert found["3SEND_F0"] == (8, 8, 10)
    assert found["4SEND_B0>1"] == (13, 13, 15)
    assert found["4SEND_B0"] == (13, 15, 17)
    assert found["2SEND_B0>0"] == (15, 17, 19)
    assert found["1SEND_B0"] == (17, 19, 21)
    assert found["3SEND_B0>0"] == (19, 21, 23)
    assert len(found) == 3 + 2 + 2 + 3


def test_pure_latency_lets_all_messages_of_a_result_go_at_once() -> None:
    timeline = simulate(THREE_SHARDS, UniformCosts(1, 2), latency_only(2.0))
    assert all(transfer.start_s == transfer.ready_s for transfer in timeline.transfers)
    assert lanes(timeline) == [
        "0F0 0-1, 0B0 15-17",
        "1F0 3-4, 1B0 11-13",
        "2F0 3-4, 4F0 6-7, 4B0 7-9, 2B0 9-11",
        "3F0 3-4, 3B0 11-13",
    ]


def test_every_message_of_a_result_costs_both_its_ends_the_overhead() -> None:
    timeline = simulate(THREE_SHARDS, UniformCosts(1, 2), Link(latency_s=0.5, overhead_s=0.25))
    messages = {
        str(s.action): (s.end_s - s.start_s - (1 if "F" in str(s.action) else 2)) / 0.25
        for s in timeline.spans
    }
    expected = "0F0 3, 1F0 2, 2F0 1, 3F0 2, 4F0 2, 4B0 2, 1B0 2, 2B0 1, 3B0 2, 0B0 3"
    assert messages == {action: int(number) for action, number in map(str.split, expected.split(", "))}


def test_each_message_of_a_result_has_its_own_bytes() -> None:
    """A shard has 100 bytes for the loss, and the layers 10 for each shard."""

    def size(message: Message) -> int:
        return 100 if 4 in (message.producer.stage, message.consumer.stage) else 10 * message.consumer.stage

    found = by_both_ends(simulate(THREE_SHARDS, UniformCosts(1, 2), Link(0.5, 10.0), message_bytes=size))
    assert [found[send][2] - found[send][1] for send in ("0SEND_F0", "0SEND_F0>2", "0SEND_F0>3")] == [
        1.5,
        2.5,
        3.5,
    ]
    assert [found[send][2] - found[send][1] for send in ("1SEND_F0>4", "4SEND_B0")] == [10.5, 10.5]


@PROPERTY
@given(
    graph=st.one_of(branching_graphs(), shared_graphs), seed=seeds, latency=st.sampled_from([0.0, 0.3, 4.0])
)
def test_every_action_of_any_graph_runs_as_early_as_its_inputs_and_its_device_allow(
    graph: Graph, seed: int, latency: float
) -> None:
    plan, costs = SCHEDULES["gpipe"].plan(graph), random_costs(graph, seed)
    timeline = simulate(plan, costs, latency_only(latency))
    assert {span.action: span.end_s for span in timeline.spans} == earliest_ends(plan, costs, latency)


@PROPERTY
@given(graph=st.one_of(branching_graphs(), shared_graphs), seed=seeds)
def test_ports_of_any_graph_hold_one_message_each_and_every_input_arrives_in_time(
    graph: Graph, seed: int
) -> None:
    timeline = simulate(SCHEDULES["gpipe"].plan(graph), random_costs(graph, seed), Link(0.4))
    start = {span.action: span.start_s for span in timeline.spans}
    end = {span.action: span.end_s for span in timeline.spans}
    assert {transfer.message for transfer in timeline.transfers} == set(messages_of(graph))
    for message, ready, started, arrived in timeline.transfers:
        assert end[message.producer] == ready <= started <= arrived <= start[message.consumer]
    for side in ("sender", "receiver"):
        for device in range(graph.devices):
            lane = sorted(
                (t.start_s, t.end_s) for t in timeline.transfers if getattr(t.message, side) == device
            )
            assert all(before[1] <= after[0] for before, after in pairwise(lane))


@pytest.mark.parametrize("schedule", ["gpipe", "wavefront", "naive"])
def test_one_device_for_the_softmax_or_one_slice_passes_with_blocking_transfers(schedule: str) -> None:
    for chain, sharing, microbatches, chunks in SHARED_GRID:
        sizes = (1, 1) if schedule == "naive" else (microbatches, chunks)
        if sharing == 1 or sizes == (1, 1):
            graph = graph_of(Shape(chain, sharing), *sizes)
            timeline = simulate(
                SCHEDULES[schedule].plan(graph), UniformCosts(1, 2), latency_only(0.5), blocking=True
            )
            assert len(timeline.spans) == len(list(graph.actions()))


@pytest.mark.parametrize("schedule", ["gpipe", "wavefront", "1f1b"])
def test_blocking_transfers_of_several_slices_to_several_shards_get_stuck_and_each_device_says_on_what(
    schedule: str,
) -> None:
    """A device that could go on with the next slice meets shards that are not done with this one."""
    for chain, sharing, microbatches, chunks in SHARED_GRID:
        if microbatches * chunks >= 5 and chain > 1 and sharing not in {1, 2}:
            graph = graph_of(Shape(chain, sharing), microbatches, chunks)
            with pytest.raises(DeadlockError) as caught:
                simulate(
                    SCHEDULES[schedule].plan(graph), UniformCosts(1, 2), latency_only(0.5), blocking=True
                )
            text = str(caught.value)
            devices = re.findall(r"device (\d+): \S+ waits for \S+", text)
            assert text.count(";") == len(devices) - 1
            assert len(devices) == len(set(devices)) > 1


def test_blocking_transfers_to_shards_by_hand_name_both_ends_of_each_message() -> None:
    with pytest.raises(DeadlockError) as caught:
        simulate(SCHEDULES["gpipe"].plan(graph_of(Shape(1, 2), 3, 1)), UniformCosts(1, 2), blocking=True)
    assert str(caught.value) == (
        "deadlock: device 0: 0SEND_F1>2 waits for 2RECV_F1<0; device 1: 1RECV_F2 waits for 0SEND_F2; "
        "device 2: 2SEND_F0 waits for 3RECV_F0"
    )


def test_a_circle_through_stages_side_by_side_is_named() -> None:
    plan = plan_by_hand(
        graph_of(Shape(1, 2), 2, 1),
        "0F0 0B0 0F1 0B1",
        "1F0 3F0 3B0 1B0 1F1 3F1 3B1 1B1",
        "2F1 2F0 2B0 2B1",
    )
    check(plan)  # each device by itself is in order
    with pytest.raises(DeadlockError) as caught:
        simulate(plan, UniformCosts(1, 2))
    assert str(caught.value) == (
        "deadlock: device 0: 0B0 waits for 1B0; device 1: 3F0 waits for 2F0; device 2: 2F1 waits for 0F1"
    )
    with pytest.raises(DeadlockError, match="device 2: 2RECV_F1<0 waits for 0SEND_F1>2"):
        simulate(plan, UniformCosts(1, 2), blocking=True)


def test_a_message_that_one_of_several_consumers_never_gets_is_named() -> None:
    plan = plan_by_hand(
        graph_of(Shape(1, 2), 1, 1),
        "0F0 0SEND_F0 0RECV_B0 0RECV_B0<2 0B0",
        "1RECV_F0 1F0 3RECV_F0 3F0 3B0 3SEND_B0 1B0 1SEND_B0",
        "2RECV_F0<0 2F0 2SEND_F0 2RECV_B0 2B0 2SEND_B0>0",
    )
    with pytest.raises(DeadlockError) as caught:
        simulate(plan, UniformCosts(1, 2))
    assert str(caught.value) == (
        "deadlock: device 0: 0B0 waits for 1B0; device 1: 3F0 waits for 2F0; device 2: 2F0 waits for 0F0"
    )
