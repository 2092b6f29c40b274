"""Cells on paper: as long as all of their units, started when the last input is there, given on when they are over."""

import pytest

from pipebench.plan.actions import Action, Operation
from pipebench.plan.graph import Graph
from pipebench.plan.plan import plan_from_csv
from pipebench.plan.transfers import add_transfers
from pipebench.timing.costs import MeasuredCosts, StageCosts, StageFactor, UniformCosts
from pipebench.timing.links import Link, latency_only
from pipebench.timing.simulator import DeadlockError, simulate
from pipebench.timing.timeline import Timeline

COSTS = UniformCosts(1.0, backward_input=2.0, backward_weight=3.0)
CSV = "0F0.0,0F0.1,0F0.2,0I0.2,0I0.1,0I0.0,0W0.0-2\n1F0.0-1,1F0.2,1I0.1-2,1I0.0,1W0.0-2\n"
LINKS = [latency_only(0.5), Link(0.5), Link(0.25, 4.0), Link(0.5, overhead_s=0.125)]


def starts(timeline: Timeline, device: int) -> dict[str, float]:
    return {timeline.graph.text(span.action): span.start_s for span in timeline.spans_of(device)}


def test_a_cell_waits_for_all_and_gives_all_at_its_end() -> None:
    timeline = simulate(plan_from_csv(CSV), COSTS, latency_only(0.5))
    assert starts(timeline, 0) == {
        "0F0.0": 0.0,
        "0F0.1": 1.0,
        "0F0.2": 2.0,
        "0I0.2": 10.0,  # 1I0.1-2 ends at 9.5
        "0I0.1": 12.0,
        "0I0.0": 14.0,
        "0W0.0-2": 16.0,
    }
    assert starts(timeline, 1) == {
        "1F0.0-1": 2.5,
        "1F0.2": 4.5,
        "1I0.1-2": 5.5,
        "1I0.0": 9.5,
        "1W0.0-2": 11.5,
    }
    assert timeline.makespan_s == 25.0
    assert [timeline.activations_alive(d) for d in (0, 1)] == [3, 3]
    assert [timeline.weights_waiting(d) for d in (0, 1)] == [3, 3]


def test_messages_of_a_cell_share_their_port_in_the_order_in_which_its_units_run() -> None:
    timeline = simulate(plan_from_csv(CSV), COSTS, Link(0.5))
    sent = {str(each.message.producer): (each.start_s, each.end_s) for each in timeline.transfers}
    assert sent["1I0.2"] == (9.5, 10.0)
    assert sent["1I0.1"] == (10.0, 10.5)


@pytest.mark.parametrize("link", LINKS)
def test_with_transfers_as_without(link: Link) -> None:
    plan = plan_from_csv(CSV)
    bare, woven = (
        simulate(each, COSTS, link, message_bytes=lambda _: 1.0) for each in (plan, add_transfers(plan))
    )
    assert bare == woven


@pytest.mark.parametrize("link", LINKS)
def test_a_cell_of_one_unit_is_the_unit(link: Link) -> None:
    alone = plan_from_csv("0F0,0F1,0I1,0W1,0I0,0W0\n1F0,1F1,1I1,1W1,1I0,1W0\n")
    both = plan_from_csv("0F0,0F1,0B1,0B0\n1F0,1F1,1B1,1B0,\n", Graph(2, 2, split_backward=True))
    found, cells = simulate(alone, COSTS, link), simulate(both, COSTS, link)
    assert found.makespan_s < cells.makespan_s  # the gradient leaves with I, not with the W behind it
    assert sum(s.end_s - s.start_s for s in found.spans) == sum(s.end_s - s.start_s for s in cells.spans)


def test_blocking_messages_meet_around_cells() -> None:
    timeline = simulate(plan_from_csv(CSV), COSTS, latency_only(0.5), blocking=True)
    assert timeline.makespan_s >= simulate(plan_from_csv(CSV), COSTS, latency_only(0.5)).makespan_s
    assert len(timeline.spans) == 12


def test_cells_that_wait_for_each_other_are_named() -> None:
    csv = "0F0.0,0F0.1,0I0.0-1,0W0.0-1\n1F0.0,1I0.1,1F0.1,1I0.0,1W0.0-1\n"
    right = csv.replace("1I0.1,1F0.1", "1F0.1,1I0.1")
    simulate(plan_from_csv(right), COSTS)
    crossed = "0F0,0I1,0F1,0I0,0W0-1\n1F0-1,1I0-1,1W0-1\n"
    with pytest.raises(DeadlockError, match="device 0: 0I1 waits for 1I1; device 1: 1F0-1 waits for 0F1"):
        simulate(plan_from_csv(crossed), COSTS)


def test_gaps_before_a_cell_are_waiting_until_its_last_input_is_sent() -> None:
    timeline = simulate(plan_from_csv(CSV), COSTS, latency_only(0.5))
    (gap,) = timeline.gaps(0)
    assert (gap.start_s, gap.sent_s, gap.end_s) == (3.0, 9.5, 10.0)


def test_what_a_cell_costs_is_what_its_units_cost() -> None:
    cell = Action(Operation.BACKWARD_WEIGHT, 1, 0, 1, None, 2, 2)
    chunks = [StageFactor(1, factor) for factor in (1.0, 2.0, 4.0)]
    costs = StageCosts(COSTS, [StageFactor(1, 1), StageFactor(1, 3)], chunks)
    assert COSTS.action_s(cell) == 12.0
    assert costs.action_s(cell) == 3 * 3.0 * 2 * (2.0 + 4.0)
    assert MeasuredCosts({cell: 5.0}).action_s(cell) == 5.0


def test_a_cell_over_chunks_without_its_stage_counts_the_slices_that_are_there() -> None:
    graph = Graph(2, 1, 4, segments=2, lives=((0, 1), (1,)), split_backward=True)
    plan = plan_from_csv("0F0.0-3,0I0.0-3,0W0.0-3\n1F0.0-3,1I0.0-3,1W0.0-3\n", graph)
    timeline = simulate(plan, COSTS)
    assert [timeline.activations_alive(d) for d in (0, 1)] == [4, 2]
    assert [timeline.weights_waiting(d) for d in (0, 1)] == [4, 2]
