from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.models.layout import Shape, graph_of
from pipebench.plan.actions import Action, Operation, parse_action
from pipebench.plan.check import PlanError, check
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan
from pipebench.plan.schedules import SCHEDULES
from pipebench.timing.bounds import least_s
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.simulator import DeadlockError, simulate
from tests.builders import PIPELINED, PROPERTY, graphs, random_costs
from tests.cells import PLANS, costs_of
from tests.graphs import shared_graphs


def alike(graph: Graph) -> dict[Action, float]:
    return {action: 1.0 if action.operation is Operation.FORWARD else 2.0 for action in graph.actions()}


@pytest.mark.parametrize(("stages", "microbatches", "chunks"), [(1, 1, 1), (8, 16, 1), (4, 1, 8), (3, 2, 5)])
def test_equal_stages_take_a_slice_more_for_each_stage_but_one(
    stages: int, microbatches: int, chunks: int
) -> None:
    graph = Graph(stages, microbatches, chunks)
    assert least_s(graph, alike(graph)) == 3 * (microbatches * chunks + stages - 1)


def test_the_slowest_stage_works_without_a_pause_between_its_way_up_and_down() -> None:
    graph = Graph(4, 8)
    costs = {action: each_s * (2.0 if action.stage == 1 else 1.0) for action, each_s in alike(graph).items()}
    assert least_s(graph, costs) == 3 * (1 + 2 * 8)


def test_work_of_no_slice_is_no_way_out() -> None:
    """A device takes note of the norm last, whatever it did before."""
    graph = Graph(4, 2, clips=True)
    costs = {a: s if a.operation in graph.operations else 0.0 for a, s in alike(graph).items()}
    assert least_s(graph, costs) == 3 * (2 + 3)


def test_no_step_is_shorter_than_its_longest_way() -> None:
    """One slice through a layer, two pieces of the softmax and the loss: there is one order, without a pause."""
    graph = graph_of(Shape(1, 2), 1, 1)
    costs = alike(graph)
    assert (
        simulate(SCHEDULES["gpipe"].plan(graph), MeasuredCosts(costs)).makespan_s
        == least_s(graph, costs)
        == 9
    )


def test_no_order_at_all_takes_less() -> None:
    """By trying them all: two stages on two devices, two slices."""
    graph = Graph(2, 2)
    costs = {action: each_s * (1 + action.stage) for action, each_s in alike(graph).items()}
    programs = [
        [action for action in graph.actions() if action.stage == stage] for stage in range(graph.stages)
    ]
    found = []
    for first in permutations(programs[0]):
        for second in permutations(programs[1]):
            plan = Plan(graph, (first, second))
            try:
                check(plan)
                found.append(simulate(plan, MeasuredCosts(costs)).makespan_s)
            except (PlanError, DeadlockError):
                continue
    assert least_s(graph, costs) == 1 + 2 * (2 + 4) + 2
    assert min(found) >= least_s(graph, costs)


@PROPERTY
@given(st.one_of(graphs, shared_graphs), st.sampled_from(PIPELINED), st.integers(0, 100))
def test_no_schedule_takes_less(graph: Graph, schedule: str, seed: int) -> None:
    costs = MeasuredCosts(random_costs(graph, seed).actions)
    timeline = simulate(SCHEDULES[schedule].plan(graph), costs)
    assert timeline.makespan_s >= least_s(graph, costs.actions) * (1 - 1e-12)


def test_a_cell_needs_what_its_units_need_and_gives_all_at_its_end() -> None:
    """F of 2 chunks as one on stage 1: it begins when both are there, and I of both follows."""
    graph = Graph(2, 1, 2, split_backward=True)
    costs = {parse_action(text): 1.0 for text in ("0F0.0", "0F0.1", "0I0.0", "0I0.1")}
    costs |= {parse_action(text): 2.0 for text in ("1F0.0-1", "1I0.0-1", "0W0.0-1", "1W0.0-1")}
    assert least_s(graph, costs) == 2 + (2 + 2) + 2 + 2


def test_weights_alone_hold_nobody_up() -> None:
    """The last device ends with its own W: its work, behind the first slice's way up."""
    graph = Graph(3, 4, split_backward=True)
    assert least_s(graph, dict.fromkeys(graph.actions(), 1.0)) == 2 + 3 * 4


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("seed", [1, 2])
def test_no_plan_with_cells_takes_less(name: str, seed: int) -> None:
    costs = MeasuredCosts(costs_of(PLANS[name], seed).actions)
    assert simulate(PLANS[name], costs).makespan_s >= least_s(PLANS[name].graph, costs.actions) * (1 - 1e-12)
