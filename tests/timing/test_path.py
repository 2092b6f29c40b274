import random

import pytest

from pipebench.plan.graph import Graph
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import messages_of
from pipebench.timing.bounds import least_s
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.path import Path
from pipebench.timing.simulator import simulate
from tests.cells import PLANS, costs_of

GRAPHS = {
    "1f1b": Graph(4, 6),
    "gpipe": Graph(6, 4, device_of=(0, 1, 2, 2, 1, 0)),
    "zb-h1": Graph(4, 8, split_backward=True),
    "wavefront": Graph(3, 2, 4),
}


@pytest.mark.parametrize("schedule", GRAPHS)
def test_a_step_takes_what_the_simulator_says_to_the_last_bit(schedule: str) -> None:
    graph = GRAPHS[schedule]
    plan = SCHEDULES[schedule].plan(graph)
    path = Path(plan)
    for _ in range(5):
        seconds = {action: random.random() for program in plan.programs for action in program}
        messages = {message: random.random() for message in messages_of(graph)}
        gaps = {action: random.random() for action in list(seconds)[::3]}
        costs = MeasuredCosts(seconds, {}, {}, gaps)
        expected = simulate(plan, costs, transfer_s=messages.__getitem__)
        assert path.takes_s(seconds, messages, gaps) == expected.makespan_s
        alone = simulate(plan, MeasuredCosts(seconds), transfer_s=lambda _: 0.0)
        assert path.takes_s(seconds) == alone.makespan_s


@pytest.mark.parametrize("schedule", GRAPHS)
def test_its_messages_are_those_of_the_step_and_free_ones_take_no_time(schedule: str) -> None:
    plan = SCHEDULES[schedule].plan(GRAPHS[schedule])
    path = Path(plan)
    assert path.messages == messages_of(plan.graph)
    seconds = {action: random.random() for program in plan.programs for action in program}
    assert path.takes_s(seconds, path.free) == path.takes_s(seconds, dict(path.free)) == path.takes_s(seconds)


@pytest.mark.parametrize("schedule", GRAPHS)
def test_its_bound_is_that_of_the_graph(schedule: str) -> None:
    plan = SCHEDULES[schedule].plan(GRAPHS[schedule])
    seconds = {action: random.random() for program in plan.programs for action in program}
    assert Path(plan).bound.least_s(seconds) == pytest.approx(least_s(plan.graph, seconds), rel=1e-12)


def test_cells_are_walked_too() -> None:
    for plan in PLANS.values():
        costs = MeasuredCosts(costs_of(plan, 3).actions)
        assert Path(plan).takes_s(costs.actions) == simulate(plan, costs, transfer_s=lambda _: 0.0).makespan_s
