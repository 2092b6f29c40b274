from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.plan.actions import Action, parse_action
from pipebench.plan.check import PlanError
from pipebench.plan.graph import Graph
from pipebench.plan.schedules import SCHEDULES
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.links import Link
from pipebench.timing.replay import Replay, replay_of
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Span, Timeline
from tests.builders import PIPELINED, PROPERTY, costs_by_hand, graphs, plan_of, random_costs
from tests.graphs import shared_graphs


def by_the_clock(timeline: Timeline) -> Timeline:
    """As real ranks see it: a message is on its way until its consumer begins."""
    begins = {span.action: span.start_s for span in timeline.spans}
    return replace(
        timeline,
        transfers=tuple(
            each._replace(start_s=each.ready_s, end_s=begins[each.message.consumer])
            for each in timeline.transfers
        ),
    )


def assert_same_step(again: Timeline, timeline: Timeline) -> None:
    assert again.makespan_s == pytest.approx(timeline.makespan_s, rel=1e-12)
    starts = {span.action: span.start_s for span in timeline.spans}
    assert {span.action: span.start_s for span in again.spans} == pytest.approx(starts, rel=1e-12, abs=1e-12)


@PROPERTY
@given(st.one_of(graphs, shared_graphs), st.sampled_from(PIPELINED), st.integers(0, 50), st.floats(0.0, 2.0))
def test_an_emulated_step_takes_as_long_again(
    graph: Graph, schedule: str, seed: int, latency_s: float
) -> None:
    plan = SCHEDULES[schedule].plan(graph)
    link = Link(latency_s, 1e6)
    timeline = simulate(
        plan, random_costs(graph, seed), link, message_bytes=lambda m: 1000 * m.producer.stage
    )
    assert_same_step(replay_of(timeline, ports=True).again, timeline)


@PROPERTY
@given(st.one_of(graphs, shared_graphs), st.sampled_from(PIPELINED), st.integers(0, 50), st.floats(0.0, 2.0))
def test_a_step_of_the_wall_clock_takes_as_long_again_whatever_held_it_up(
    graph: Graph, schedule: str, seed: int, latency_s: float
) -> None:
    plan = SCHEDULES[schedule].plan(graph)
    costs = random_costs(graph, seed)
    late = {action: costs.actions[action] / 5 for action in list(costs.actions)[::3]}
    costs = MeasuredCosts(costs.actions, costs.before, costs.after, late)
    timeline = simulate(plan, costs, transfer_s=lambda m: latency_s * (1 + m.receiver))
    replay = replay_of(by_the_clock(timeline), ports=False)
    assert_same_step(replay.again, timeline)


def test_the_overhead_of_messages_is_told_apart_from_the_actions() -> None:
    plan = plan_of("gpipe", 3, 2)
    link = Link(0.5, overhead_s=0.125)
    timeline = simulate(plan, costs_by_hand(plan.graph), link)
    replay = replay_of(timeline, ports=True, overhead_s=0.125)
    assert set(replay.lengths.values()) == {1.0, 2.0}
    assert replay.beside[parse_action("1F0")] == 0.25  # one message comes and one goes
    assert replay.beside[parse_action("0F1")] == 0.125
    assert_same_step(replay.again, timeline)
    alone = replay.slices_alone(replay.lengths, with_messages=False)
    assert alone.makespan_s == 3 * (2 + 2)


def test_a_late_host_is_a_gap_and_no_message() -> None:
    plan = plan_of("gpipe", 2, 4)
    late = {parse_action("1F2"): 0.75}
    costs = MeasuredCosts(costs_by_hand(plan.graph).actions, gaps=late)
    timeline = by_the_clock(simulate(plan, costs))
    replay = replay_of(timeline, ports=False)
    assert replay.gaps == pytest.approx(late)
    assert set(replay.messages.values()) == {0.0}


def test_a_message_that_a_busy_device_did_not_wait_for_took_as_long_as_usual() -> None:
    plan = plan_of("gpipe", 2, 3)
    costs = costs_by_hand(plan.graph, _1F0=5.0)  # 1F1 and 1F2 are there long before their turn
    timeline = by_the_clock(simulate(plan, costs, transfer_s=lambda _: 0.25))
    found = replay_of(timeline, ports=False).messages
    assert {message.producer: each_s for message, each_s in found.items()} == pytest.approx(
        dict.fromkeys((a for a in plan.graph.actions() if a in {m.producer for m in found}), 0.25)
    )


def test_zeroing_and_the_update_are_counted_apart_from_pauses() -> None:
    plan = plan_of("gpipe", 2, 1)
    costs = MeasuredCosts(costs_by_hand(plan.graph).actions, before={0: 0.5, 1: 0.25}, after={0: 1.0, 1: 2.0})
    replay = replay_of(simulate(plan, costs), ports=True)
    assert replay.before == {0: 0.5, 1: 0.25}
    assert replay.after == {0: 1.0, 1: 2.0}
    assert replay.around_s == 3.75


def test_other_lengths_and_messages_can_be_run() -> None:
    plan = plan_of("gpipe", 2, 2)
    replay = replay_of(simulate(plan, costs_by_hand(plan.graph), Link(0.25)), ports=True)
    assert replay.again.makespan_s == 9.5
    half = {action: each_s / 2 for action, each_s in replay.lengths.items()}
    free = dict.fromkeys(replay.messages, 0.0)
    assert replay.run(half).makespan_s == 4.5 + 0.5
    assert replay.run(half, free).makespan_s == 4.5


def test_an_order_that_computes_no_step_is_refused() -> None:
    graph = Graph(1, 1)
    forward, backward = (Action(operation, 0, 0) for operation in graph.operations)
    wrong = Timeline(graph, (Span(0, backward, 0.0, 1.0), Span(0, forward, 1.0, 2.0)))
    with pytest.raises(PlanError, match="before 0F0"):
        replay_of(wrong, ports=True)
    with pytest.raises(PlanError, match="does not run 0B0"):
        replay_of(Timeline(graph, (Span(0, forward, 0.0, 1.0),)), ports=True)


@pytest.mark.parametrize("kept", [0, 1, 3])
def test_a_step_that_has_not_each_message_once_is_refused(kept: int) -> None:
    plan = plan_of("gpipe", 2, 1)
    timeline = simulate(plan, costs_by_hand(plan.graph))
    transfers = (*timeline.transfers, *timeline.transfers)[:kept]
    with pytest.raises(PlanError, match=f"expected 2 transfers, each message once, found {kept}"):
        replay_of(Timeline(timeline.graph, timeline.spans, transfers), ports=True)


def test_a_replay_is_of_one_step_alone() -> None:
    """Another one made of it is simulated anew."""
    plan = plan_of("gpipe", 2, 2)
    replay = replay_of(simulate(plan, costs_by_hand(plan.graph)), ports=True)
    assert isinstance(replay, Replay)
    assert replay.again.makespan_s == 9.0
    slower = replace(replay, lengths={action: 2 * s for action, s in replay.lengths.items()})
    assert slower.again.makespan_s == 18.0
