"""The order in which one core runs the actions of all devices."""

from collections import defaultdict
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.engine.interleaving import cells_by_unit, interleave
from pipebench.models.layout import Shape, graph_of
from pipebench.plan.actions import COMPUTE, Action, Operation
from pipebench.plan.cells import inputs_of_cell, units_of
from pipebench.plan.check import activations_alive, stage_peaks
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import add_transfers
from tests.builders import PROPERTY

ORDERS = ["dependence", "device"]


def by_kind(actions: list[Action]) -> dict[tuple[int, Operation], list[Action]]:
    found: dict[tuple[int, Operation], list[Action]] = defaultdict(list)
    for action in actions:
        found[action.stage, action.operation].append(action)
    return found


def computes(plan: Plan) -> list[list[Action]]:
    return [[a for a in program if a.operation in COMPUTE] for program in plan.programs]


def check_order(plan: Plan, order: str) -> None:
    merged = interleave(plan, order)
    done: set[Action] = set()
    for _, action in merged:
        assert done.issuperset(inputs_of_cell(plan.graph, action))
        done.update(units_of(plan.graph, action))
    for device, program in enumerate(computes(plan)):
        mine = [action for owner, action in merged if owner == device]
        assert sorted(mine) == sorted(program)
        assert by_kind(mine) == by_kind(program)
        units = [unit for action in mine for unit in units_of(plan.graph, action)]
        planned = [unit for action in program for unit in units_of(plan.graph, action)]
        peaks = stage_peaks(planned)
        assert all(peak <= peaks[stage] for stage, peak in stage_peaks(units).items())


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("schedule", [name for name in SCHEDULES if name != "naive"])
@pytest.mark.parametrize("shared", [False, True])
def test_what_needs_another_comes_behind_it_and_nothing_more_is_kept(
    schedule: str, order: str, shared: bool
) -> None:
    splits = SCHEDULES[schedule].splits_backward
    graph = Graph(4, 6, 2, split_backward=splits)
    if shared:
        graph = graph_of(Shape(4, "all", split_backward=splits), 4, 2)
    check_order(add_transfers(SCHEDULES[schedule].plan(graph)), order)


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 4), st.integers(1, 3))
@PROPERTY
def test_any_size_of_a_plan_that_alternates_ends(
    stages: int, microbatches: int, chunks: int, more: int
) -> None:
    graph = Graph(stages, microbatches, chunks, split_backward=True)
    plan = SCHEDULES["wavefront-zb"].plan(graph, most_alive=chunks * more, most_waiting=more)
    check_order(plan, "device")


def test_device_order_stays_on_a_device_as_long_as_it_can() -> None:
    plan = add_transfers(SCHEDULES["gpipe"].plan(Graph(3, 4)))
    switches = {order: changes([d for d, _ in interleave(plan, order)]) for order in ORDERS}
    assert switches["device"] == 2 * (3 - 1)  # a forward sweep up and a backward sweep down
    assert switches["device"] < switches["dependence"]


def test_a_program_that_alternates_is_run_in_sweeps_where_it_keeps_all_anyway() -> None:
    graph = Graph(4, 2, 16, split_backward=True)
    plan = SCHEDULES["wavefront-zb"].plan(graph)
    assert max(map(activations_alive, plan.programs)) == 32
    devices = [device for device, _ in interleave(plan, "device")]
    assert changes(devices) == 2 * (4 - 1)
    assert changes([device for device, _ in interleave(plan, "dependence")]) > 50


def test_each_unit_is_known_with_the_action_that_runs_it() -> None:
    graph = Graph(1, 1, 2, split_backward=True)
    weights = Action(Operation.BACKWARD_WEIGHT, 0, 0, chunks=2)
    halves = (Action(Operation.FORWARD, 0, 0, 0), weights)
    found = cells_by_unit(Plan(graph, (halves,)))
    assert found[Action(Operation.BACKWARD_WEIGHT, 0, 0, 1)] == weights
    assert len(found) == 3


def changes(devices: list[int]) -> int:
    return sum(a != b for a, b in pairwise(devices))
