from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.models.layout import Shape, graph_of
from pipebench.plan.actions import Action, Operation, parse_action
from pipebench.plan.graph import Graph
from pipebench.plan.plan import plan_from_csv
from pipebench.plan.schedules import SCHEDULES
from pipebench.timing.costs import MeasuredCosts, UniformCosts
from pipebench.timing.links import Link, latency_only
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Gap, OtherWork, Span, Timeline, Usage
from tests.builders import PIPELINED, PROPERTY, costs_by_hand, graphs, plan_of, random_costs, small_timeline
from tests.graphs import branching_graphs, shared_graphs
from tests.plan.oracle import messages_to

seeds = st.integers(0, 10**6)
latencies = st.sampled_from([0.0, 0.125, 0.7, 5.0])


def test_makespan_is_the_end_of_the_last_work() -> None:
    timeline = small_timeline()
    assert timeline.makespan_s == 9.5
    work = OtherWork(1, "optimizer", 9.5, 10.25)
    assert Timeline(timeline.graph, timeline.spans, timeline.transfers, (work,)).makespan_s == 10.25


def test_spans_of_a_device_come_first_to_last_whatever_their_order_was() -> None:
    timeline = small_timeline()
    shuffled = Timeline(timeline.graph, timeline.spans[::-1])
    for device in range(2):
        assert shuffled.spans_of(device) == timeline.spans_of(device)
    assert [str(span.action) for span in shuffled.spans_of(0)] == ["0F0", "0F1", "0B1", "0B0"]


def test_usage_tells_waiting_from_transfer_and_both_from_idle() -> None:
    """Device 0 has sent everything at 2 and starts 0B1 at 5.5; its gradient was on the way from 5.25."""
    timeline = small_timeline()
    assert timeline.usage(0) == Usage(busy_s=6.0, waiting_s=3.25, transfer_s=0.25, idle_s=0.0)
    assert timeline.usage(1) == Usage(busy_s=6.0, waiting_s=0.0, transfer_s=0.0, idle_s=1.25 + 2.25)
    assert timeline.gaps(0) == [Gap(start_s=2.0, sent_s=5.25, arrived_s=5.5, end_s=5.5)]
    assert timeline.gaps(1) == []


def test_bubble_is_one_minus_busy_over_devices_times_makespan() -> None:
    assert small_timeline().bubble_fraction == pytest.approx(1 - 12 / (2 * 9.5), rel=1e-12)


def test_work_that_is_no_action_is_busy_too() -> None:
    costs = MeasuredCosts({parse_action("0F0"): 1.0, parse_action("0B0"): 2.0}, {0: 0.5}, {0: 0.25})
    timeline = simulate(plan_of("gpipe", 1, 1), costs)
    assert timeline.usage(0) == Usage(3.75, 0.0, 0.0, 0.0)
    assert timeline.bubble_fraction == 0.0
    assert [work.name for work in timeline.other] == ["zero_grad", "optimizer"]


def test_a_step_that_takes_no_time_has_no_bubble() -> None:
    assert simulate(plan_of("gpipe", 2, 2), UniformCosts(0, 0)).bubble_fraction == 0.0


def test_a_pause_without_a_transfer_is_waiting() -> None:
    graph = Graph(1, 1)
    spans = (Span(0, parse_action("0F0"), 0.0, 1.0), Span(0, parse_action("0B0"), 1.5, 2.0))
    assert Timeline(graph, spans).usage(0) == Usage(1.5, 0.5, 0.0, 0.0)


def test_a_message_sent_before_the_pause_began_makes_all_of_it_transfer() -> None:
    timeline = simulate(plan_of("gpipe", 2, 2), UniformCosts(1, 2), Link(3.0))
    # 0F1 is ready at 2 and holds the link from 4 to 7; device 1 is done with 1F0 at 5
    assert timeline.gaps(1)[0] == Gap(start_s=5.0, sent_s=5.0, arrived_s=7.0, end_s=7.0)
    assert timeline.usage(1).transfer_s == 2.0


def test_waiting_for_a_port_is_transfer() -> None:
    """Device 1 is done at 3; 2B0 is ready at 7, 0F1 holds the ingress port until 7.5, 2B0 arrives at 8.5."""
    plan = plan_from_csv("0F0,0F1,0B0,0B1\n1F0,1B0,1F1,1B1\n2F0,2B0,2F1,2B1\n")
    timeline = simulate(plan, costs_by_hand(plan.graph, _0F1=5.5), Link(1.0))
    assert timeline.gaps(1)[0] == Gap(start_s=3.0, sent_s=7.0, arrived_s=8.5, end_s=8.5)


def test_what_is_left_of_a_pause_after_its_message_arrived_is_waiting() -> None:
    timeline = small_timeline()
    early = [
        each._replace(end_s=5.375) if each.message.receiver == 0 else each for each in timeline.transfers
    ]
    timeline = timeline.with_transfers(tuple(early))
    assert timeline.gaps(0) == [Gap(start_s=2.0, sent_s=5.25, arrived_s=5.375, end_s=5.5)]
    assert timeline.usage(0) == Usage(busy_s=6.0, waiting_s=3.375, transfer_s=0.125, idle_s=0.0)


def test_activations_alive_follow_the_order_of_the_spans() -> None:
    timeline = simulate(plan_of("1f1b", 4, 16), UniformCosts(1, 2))
    assert [timeline.activations_alive(device) for device in range(4)] == [4, 3, 2, 1]
    timeline = simulate(plan_of("gpipe", 4, 3, 2), UniformCosts(1, 2))
    assert [timeline.activations_alive(device) for device in range(4)] == [6] * 4


@PROPERTY
@given(graph=graphs, schedule=st.sampled_from(PIPELINED), seed=seeds, latency=latencies)
def test_usage_of_every_device_sums_to_the_makespan(
    graph: Graph, schedule: str, seed: int, latency: float
) -> None:
    costs = random_costs(graph, seed)
    timeline = simulate(SCHEDULES[schedule].plan(graph), costs, latency_only(latency))
    for device in range(graph.devices):
        usage, spans = timeline.usage(device), timeline.spans_of(device)
        assert min(usage) >= 0
        assert sum(usage) == pytest.approx(timeline.makespan_s, rel=1e-12)
        around = costs.before_s(device) + costs.after_s(device)
        busy = sum(costs.action_s(span.action) for span in spans) + around
        outside = spans[0].start_s + timeline.makespan_s - spans[-1].end_s - around
        assert usage.busy_s == pytest.approx(busy, rel=1e-12)
        assert usage.idle_s == pytest.approx(outside, rel=1e-9, abs=1e-9)


@PROPERTY
@given(graph=graphs, schedule=st.sampled_from(PIPELINED), seed=seeds, latency=latencies)
def test_a_pause_is_waiting_until_its_last_input_was_sent(
    graph: Graph, schedule: str, seed: int, latency: float
) -> None:
    timeline = simulate(SCHEDULES[schedule].plan(graph), random_costs(graph, seed), latency_only(latency))
    ready = {transfer.message: transfer.ready_s for transfer in timeline.transfers}
    for device in range(graph.devices):
        waiting = 0.0
        for before, span in pairwise(timeline.spans_of(device)):
            sent = [ready[message] for message in messages_to(graph, span.action)]
            waiting += max(0.0, min(max(sent, default=0.0), span.start_s) - before.end_s)
        assert timeline.usage(device).waiting_s == pytest.approx(waiting, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("schedule", PIPELINED)
def test_nothing_is_in_transfer_where_messages_take_no_time(schedule: str) -> None:
    timeline = simulate(plan_of(schedule, 5, 7, 2), UniformCosts(1, 2))
    assert [timeline.usage(device).transfer_s for device in range(5)] == [0.0] * 5


side_by_side = st.one_of(branching_graphs(), shared_graphs)
links = st.sampled_from([Link(), Link(0.7), latency_only(0.7)])


@PROPERTY
@given(graph=side_by_side, seed=seeds, link=links)
def test_usage_of_stages_side_by_side_sums_to_the_makespan(graph: Graph, seed: int, link: Link) -> None:
    costs = random_costs(graph, seed)
    timeline = simulate(SCHEDULES["gpipe"].plan(graph), costs, link)
    ready = {transfer.message: transfer.ready_s for transfer in timeline.transfers}
    for device in range(graph.devices):
        usage, spans = timeline.usage(device), timeline.spans_of(device)
        assert min(usage) >= 0
        assert sum(usage) == pytest.approx(timeline.makespan_s, rel=1e-12)
        around = costs.before_s(device) + costs.after_s(device)
        assert usage.busy_s == pytest.approx(
            sum(costs.action_s(span.action) for span in spans) + around, rel=1e-12
        )
        waiting = 0.0
        for before, span in pairwise(spans):
            sent = [ready[message] for message in messages_to(graph, span.action)]
            waiting += max(0.0, min(max(sent, default=0.0), span.start_s) - before.end_s)
        assert usage.waiting_s == pytest.approx(waiting, rel=1e-9, abs=1e-9)


def test_a_pause_of_a_stage_that_several_feed_is_waiting_until_the_last_of_them_is_sent() -> None:
    """Device 1 has 1F0 1.5-2.5, and 2F0 arrives there at 5 + 0.5: the loss starts then."""
    plan = SCHEDULES["gpipe"].plan(graph_of(Shape(1, 2), 1, 1))
    timeline = simulate(plan, costs_by_hand(plan.graph, _2F0=3.5), latency_only(0.5))
    assert timeline.gaps(1) == [Gap(start_s=2.5, sent_s=5.0, arrived_s=5.5, end_s=5.5)]
    assert timeline.gaps(0) == [Gap(start_s=1.0, sent_s=11.0, arrived_s=11.5, end_s=11.5)]


def test_a_device_that_does_two_things_at_once_is_busy_once() -> None:
    """Device 0 does 0-1.2, 1-2 and, inside of that, 1.5-1.6; then 3-4."""
    forwards = [Action(Operation.FORWARD, 0, number) for number in range(3)]
    times = [(0.0, 1.2), (1.0, 2.0), (1.5, 1.6)]
    spans = [Span(0, action, *time) for action, time in zip(forwards, times, strict=True)]
    timeline = Timeline(Graph(1, 3), (*spans, Span(0, Action(Operation.BACKWARD, 0, 0), 3.0, 4.0)))
    assert timeline.usage(0) == pytest.approx((3.0, 1.0, 0.0, 0.0))
    assert timeline.gaps(0) == [Gap(2.0, 3.0, 3.0, 3.0)]
    assert timeline.bubble_fraction == pytest.approx(0.25)


def test_what_was_found_of_spans_is_kept_with_other_transfers() -> None:
    timeline = simulate(SCHEDULES["1f1b"].plan(Graph(3, 4)), UniformCosts(1.0, 2.0), latency_only(0.5))
    plain = Timeline(timeline.graph, timeline.spans)
    before, of = plain.usage(1), plain.span_of
    with_them = plain.with_transfers(timeline.transfers)
    assert with_them == Timeline(timeline.graph, timeline.spans, timeline.transfers)
    assert with_them.usage(1) == timeline.usage(1) != before
    assert with_them.span_of is of
