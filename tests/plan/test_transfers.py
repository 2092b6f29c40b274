from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.models.layout import Shape, graph_of
from pipebench.plan.actions import RECEIVES, SENDS, Operation, parse_action
from pipebench.plan.check import check
from pipebench.plan.dependence import inputs_of
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan, plan_from_csv
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import (
    Message,
    add_transfers,
    messages_by_action,
    messages_of,
    results_for,
)
from tests.builders import PIPELINED, PROPERTY, graphs, plan_of, texts
from tests.graphs import branching_graphs, shared_graphs
from tests.plan.oracle import messages_to


def test_a_send_follows_its_producer_and_a_receive_precedes_its_consumer() -> None:
    assert texts(add_transfers(plan_of("gpipe", 2, 2))) == [
        "0F0 0SEND_F0 0F1 0SEND_F1 0RECV_B1 0B1 0RECV_B0 0B0",
        "1RECV_F0 1F0 1RECV_F1 1F1 1B1 1SEND_B1 1B0 1SEND_B0",
    ]


def test_transfers_of_1f1b_in_the_steady_state() -> None:
    assert texts(add_transfers(plan_of("1f1b", 2, 2))) == [
        "0F0 0SEND_F0 0F1 0SEND_F1 0RECV_B0 0B0 0RECV_B1 0B1",
        "1RECV_F0 1F0 1B0 1SEND_B0 1RECV_F1 1F1 1B1 1SEND_B1",
    ]


def test_a_middle_stage_receives_and_sends_both_ways() -> None:
    assert texts(add_transfers(plan_of("gpipe", 3, 1)))[1] == "1RECV_F0 1F0 1SEND_F0 1RECV_B0 1B0 1SEND_B0"


def test_chunks_travel_one_by_one_and_state_stays_on_its_device() -> None:
    assert texts(add_transfers(plan_of("wavefront", 2, 1, 2)))[1] == (
        "1RECV_F0.0 1F0.0 1RECV_F0.1 1F0.1 1B0.1 1SEND_B0.1 1B0.0 1SEND_B0.0"
    )


def test_half_a_backward_sends_the_gradient_and_the_weight_half_sends_nothing() -> None:
    plan = SCHEDULES["gpipe"].plan(Graph(2, 1, split_backward=True))
    assert texts(add_transfers(plan)) == [
        "0F0 0SEND_F0 0RECV_B0 0I0 0W0",
        "1RECV_F0 1F0 1I0 1SEND_B0 1W0",
    ]


def test_receives_keep_the_senders_order_where_the_consumer_wants_another_one() -> None:
    plan = plan_from_csv("0F0,0F1,0B0,0B1\n1F1,1F0,1B0,1B1\n")
    with_transfers = add_transfers(plan)
    assert texts(with_transfers)[1].startswith("1RECV_F0 1RECV_F1 1F1 1F0")
    check(with_transfers)


def test_stages_of_one_device_pass_their_results_without_a_transfer() -> None:
    plan = SCHEDULES["gpipe"].plan(Graph(3, 1, device_of=(0, 0, 1)))
    assert texts(add_transfers(plan)) == [
        "0F0 1F0 1SEND_F0 1RECV_B0 1B0 0B0",
        "2RECV_F0 2F0 2B0 2SEND_B0",
    ]


@PROPERTY
@given(graphs, st.sampled_from(PIPELINED))
def test_sends_and_receives_of_every_pair_are_the_same_sequence(graph: Graph, schedule: str) -> None:
    plan = add_transfers(SCHEDULES[schedule].plan(graph))
    check(plan)
    sent, received = _sequences(plan)
    assert sent == received
    # each (microbatch, chunk) crosses each of the K - 1 borders once in each direction
    expected = 2 * (graph.stages - 1) * graph.microbatches * graph.chunks
    assert sum(map(len, sent.values())) == expected == len(messages_of(graph))


@PROPERTY
@given(graphs, st.sampled_from(PIPELINED))
def test_each_transfer_stands_next_to_the_action_it_serves(graph: Graph, schedule: str) -> None:
    plan = add_transfers(SCHEDULES[schedule].plan(graph))
    message_of = messages_by_action(graph)
    for program in plan.programs:
        for index, action in enumerate(program):
            if action.operation in SENDS:
                assert program[index - 1] == message_of[action].producer
            if action.operation in RECEIVES:
                assert program[index + 1] == message_of[action].consumer


def test_a_result_goes_to_each_stage_that_needs_it_and_their_gradients_come_back() -> None:
    """Stage 0 has the layers, 1 and 2 a shard each on devices of their own; the loss is beside the first shard."""
    plan = SCHEDULES["gpipe"].plan(graph_of(Shape(1, 2), 1, 1))
    assert texts(add_transfers(plan)) == [
        "0F0 0SEND_F0 0SEND_F0>2 0RECV_B0 0RECV_B0<2 0B0",
        "1RECV_F0 1F0 3RECV_F0 3F0 3B0 3SEND_B0 1B0 1SEND_B0",
        "2RECV_F0<0 2F0 2SEND_F0 2RECV_B0 2B0 2SEND_B0>0",
    ]


def test_two_stages_of_one_device_that_need_a_result_get_a_message_each() -> None:
    graph = Graph(4, 1, device_of=(0, 1, 1, 1), feeds=((1, 2), (3,), (3,), ()), chain=1)
    plan = SCHEDULES["gpipe"].plan(graph)
    assert texts(add_transfers(plan)) == [
        "0F0 0SEND_F0 0SEND_F0>2 0RECV_B0<2 0RECV_B0 0B0",
        "1RECV_F0 2RECV_F0<0 2F0 1F0 3F0 3B0 2B0 2SEND_B0>0 1B0 1SEND_B0",
    ]


@PROPERTY
@given(st.one_of(branching_graphs(), shared_graphs))
def test_messages_of_any_graph_are_one_sequence_a_pair_and_known_by_both_their_ends(graph: Graph) -> None:
    plan = add_transfers(SCHEDULES["gpipe"].plan(graph))
    check(plan)
    sent, received = _sequences(plan)
    assert sent == received
    messages = messages_of(graph)
    crossing = [
        (stage, fed)
        for stage, all_fed in enumerate(graph.feeds)
        for fed in all_fed
        if graph.device_of[stage] != graph.device_of[fed]
    ]
    slices = sum(
        len({*graph.chunks_of(stage)} & {*graph.chunks_of(fed)}) * graph.microbatches
        for stage, fed in crossing
    )
    number = 2 * slices + graph.clips * 2 * (graph.devices - 1)
    assert len(messages) == len(set(messages)) == sum(map(len, sent.values())) == number
    found = messages_by_action(graph)
    assert len(found) == 2 * number  # no send or receive stands for two
    actions = Counter(action for program in plan.programs for action in program)
    for message in messages:
        assert found[message.send] == found[message.receive] == message
        assert message.sender != message.receiver
        assert actions[message.send] == actions[message.receive] == 1
        assert message.send in plan.programs[message.sender]
        assert message.receive in plan.programs[message.receiver]
        for end in (message.send, message.receive):
            assert parse_action(graph.text(end)) == end


@PROPERTY
@given(branching_graphs())
def test_results_for_an_action_are_of_other_stages_whether_they_travel_or_not(graph: Graph) -> None:
    for action in graph.actions():
        results = results_for(graph, action)
        assert [result.producer for result in results] == [
            needed
            for needed in inputs_of(graph, action)
            if needed.stage != action.stage and action.operation is not Operation.NORM
        ]
        assert [result for result in results if result.travels] == messages_to(graph, action)
        for result in results:
            assert result.travels == (graph.device(result.producer) != graph.device(action))


def test_a_message_knows_both_of_its_ends() -> None:
    graph = Graph(3, 2, 2, device_of=(1, 0, 1))
    [message] = messages_to(graph, parse_action("1F1.1"))
    assert message == Message(parse_action("0F1.1"), parse_action("1F1.1"), sender=1, receiver=0)
    assert graph.text(message.send) == "0SEND_F1.1"
    assert graph.text(message.receive) == "1RECV_F1.1"
    [gradient] = messages_to(graph, parse_action("0B1.0"))
    assert (gradient.sender, gradient.receiver) == (0, 1)
    assert graph.text(gradient.send) == "1SEND_B1.0"
    assert graph.text(gradient.receive) == "0RECV_B1.0"


def test_each_message_is_found_by_its_send_and_by_its_receive() -> None:
    graph = Graph(3, 2)
    found = messages_by_action(graph)
    messages = messages_of(graph)
    assert len(found) == 2 * len(messages) == 2 * 2 * 2 * 2
    for message in messages:
        assert found[message.send] == found[message.receive] == message


def test_transfers_are_not_added_twice() -> None:
    with pytest.raises(AssertionError, match="has its transfers already"):
        add_transfers(add_transfers(plan_of("gpipe", 2, 2)))


def _sequences(plan: Plan) -> tuple[dict, dict]:
    """For each ordered pair of devices, the messages as sent and as received."""
    message_of = messages_by_action(plan.graph)
    sent: dict[tuple[int, int], list[Message]] = {}
    received: dict[tuple[int, int], list[Message]] = {}
    for program in plan.programs:
        for action in program:
            if action.operation in SENDS | RECEIVES:
                message = message_of[action]
                side = sent if action.operation in SENDS else received
                side.setdefault((message.sender, message.receiver), []).append(message)
    return sent, received
