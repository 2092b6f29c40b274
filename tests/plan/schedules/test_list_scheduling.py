"""The step on paper is the simulator's, and no limit gets it stuck."""

from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.plan.actions import Action, Operation
from pipebench.plan.cells import inputs_of_cell, units_of
from pipebench.plan.check import check
from pipebench.plan.graph import Graph
from pipebench.plan.order_costs import CellCost, OrderCosts
from pipebench.plan.plan import Plan
from pipebench.plan.schedules.jobs import Jobs, groups_of
from pipebench.plan.schedules.list_scheduling import Filling, Limits, Listed, listed
from pipebench.plan.schedules.order_search import Rules, ranks_of
from pipebench.plan.transfers import add_transfers
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.links import Link
from pipebench.timing.simulator import simulate
from tests.builders import PROPERTY, texts
from tests.orders import cost_of, in_units, message_s, random_order_costs, rules_for, split_graphs

F, BACK, W = Operation.FORWARD, Operation.BACKWARD_INPUT, Operation.BACKWARD_WEIGHT
NONE = Limits()


def order(graph: Graph, costs: OrderCosts, rules: Rules, limits: Limits = NONE) -> Listed:
    groups = groups_of(graph.chunks, rules.group, finer_end=rules.finer_end)
    jobs = Jobs(graph, costs, groups)
    beyond = ((2, 3),) * (graph.stages - graph.chain)
    return listed(jobs, ranks_of(jobs, rules), Filling((*rules.sizes, *beyond), rules.wait), limits)


def ends_in_cells(plan: Plan, costs: OrderCosts) -> list[float]:
    """When each device is done where messages do not wait for ports: by the rule of units alone."""
    graph, over = plan.graph, {}
    at, turn = [0.0] * graph.devices, [0] * graph.devices
    while any(turn[device] < len(program) for device, program in enumerate(plan.programs)):
        before = list(turn)
        for device, program in enumerate(plan.programs):
            while turn[device] < len(program):
                cell = program[turn[device]]
                needed = inputs_of_cell(graph, cell)
                if any(unit not in over for unit in needed):
                    break
                there = [
                    over[unit] + (message_s(costs, unit) if graph.device(unit) != device else 0.0)
                    for unit in needed
                ]
                units = units_of(graph, cell)
                at[device] = max([at[device], *there]) + cost_of(costs, cell, len(units))
                over |= dict.fromkeys(units, at[device])
                turn[device] += 1
        assert turn != before, "stuck"
    return at


@PROPERTY
@given(st.data(), split_graphs, st.integers(0, 100))
def test_the_step_on_paper_is_as_long_as_the_simulators(data: st.DataObject, graph: Graph, seed: int) -> None:
    """Cell by cell, with messages of random length that wait for ports."""
    costs = random_order_costs(graph, seed)
    found = order(graph, costs, data.draw(rules_for(graph)))
    cells = [cell for program in found.programs for cell in program]
    timeline = simulate(
        Plan(graph, found.programs),
        MeasuredCosts({cell: cost_of(costs, cell, len(units_of(graph, cell))) for cell in cells}),
        Link(bytes_per_s=1.0),
        message_bytes=lambda message: message_s(costs, message.producer),
    )
    assert timeline.makespan_s == pytest.approx(found.end_s, rel=1e-9)


@PROPERTY
@given(st.data(), split_graphs, st.integers(0, 100))
def test_cells_take_what_they_cost_and_wait_for_the_inputs_of_all_units(
    data: st.DataObject, graph: Graph, seed: int
) -> None:
    costs = random_order_costs(graph, seed, ports=False)
    found = order(graph, costs, data.draw(rules_for(graph)))
    assert ends_in_cells(Plan(graph, found.programs), costs) == pytest.approx(found.ends_s, rel=1e-9)
    for device, program in enumerate(found.programs):
        busy = sum(cost_of(costs, cell, len(units_of(graph, cell))) for cell in program)
        assert found.busy_s[device] == pytest.approx(busy, rel=1e-9)


@PROPERTY
@given(st.data(), split_graphs, st.integers(0, 100))
def test_any_rules_and_limits_order_every_unit_once_within_the_limits(
    data: st.DataObject, graph: Graph, seed: int
) -> None:
    row = max(len(graph.chunks_of(stage)) for stage in range(graph.chain))
    alive = data.draw(st.sampled_from([row, row + 1, 2 * row, inf]))
    waiting = data.draw(st.sampled_from([1, 2, 5, inf]))
    costs, rules = random_order_costs(graph, seed), data.draw(rules_for(graph))
    plan = Plan(graph, order(graph, costs, rules, Limits(alive, waiting)).programs)
    units = in_units(plan)
    check(add_transfers(units))
    simulate(units, MeasuredCosts(dict.fromkeys(graph.actions(), 1.0)), Link(0.1))
    assert ends_in_cells(plan, costs)
    for stage in range(graph.chain):
        most = most_between(units, stage)
        assert most[F] <= alive
        assert most[BACK] <= waiting


def most_between(plan: Plan, stage: int) -> dict[Operation, int]:
    """The most slices of a stage at any time between F, or I, and W."""
    now, most = {F: 0, BACK: 0}, {F: 0, BACK: 0}
    for action in plan.program(plan.graph.device_of[stage]):
        if action.stage == stage:
            for since, number in now.items():
                now[since] = number + (action.operation is since) - (action.operation is W)
                most[since] = max(most[since], now[since])
    return most


def chain(devices: int, microbatches: int, chunks: int) -> Graph:
    return Graph(devices, microbatches, chunks, split_backward=True)


def even_costs(graph: Graph, message: float = 0.0) -> OrderCosts:
    cells, messages = (CellCost(1.0),) * graph.stages, (message,) * graph.stages
    return OrderCosts(cells, cells, cells, messages, messages)


def rules(graph: Graph, offset: int, sizes: tuple[int, ...], wait: float = 0.0) -> Rules:
    return Rules((offset,) * graph.chain, (sizes,) * graph.chain, wait, 1, finer_end=False, lead=0)


def test_an_order_by_hand() -> None:
    """F, I and W of 1 s, free messages; W of one slice fills every pause.

    device 0  F0 F1 F2 I0 W0 I1 W1 I2 W2
    device 1  .  F0 I0 F1 I1 F2 I2 W0 ...
    """
    graph = chain(2, 3, 1)
    found = order(graph, even_costs(graph), rules(graph, 0, (1,) * 3))
    assert texts(Plan(graph, found.programs)) == [
        "0F0 0F1 0F2 0I0 0W0 0I1 0W1 0I2 0W2",
        "1F0 1I0 1F1 1I1 1F2 1I2 1W0-2",
    ]
    assert found.ends_s == (9.0, 10.0)
    assert found.end_s == 10.0
    assert found.bubble == pytest.approx(0.1)


def test_pauses_are_filled_by_cells_of_the_sizes_and_the_rest_is_one_cell() -> None:
    graph = chain(2, 1, 6)
    costs = replace(even_costs(graph), backward_input=(CellCost(1.0), CellCost(4.0)))
    found = order(graph, costs, rules(graph, 0, (2, 1)))
    weights = [[graph.text(a) for a in program if a.operation is W] for program in found.programs]
    assert weights == [["0W0.4-5", "0W0.3", "0W0.0-2"], ["1W0.0-5"]]


@pytest.mark.parametrize(("wait", "early"), [(0.0, True), (2.0, False)])
def test_a_device_rather_waits_for_what_is_near_than_to_fill(wait: float, *, early: bool) -> None:
    """I0.0 is on its way to device 0 when W0.1 could start."""
    graph = chain(2, 1, 2)
    costs = replace(
        even_costs(graph, message=1.5), backward_input=(CellCost(1.0), CellCost(2.0)), ports=False
    )
    program = order(graph, costs, rules(graph, 0, (1, 1), wait)).programs[0]
    back, weight = Action(BACK, 0, 0, 0), Action(W, 0, 0, 1)
    assert (weight in program[: program.index(back)]) is early


def test_a_limit_makes_weights_urgent() -> None:
    graph = chain(1, 3, 2)
    free = order(graph, even_costs(graph), rules(graph, 0, ()))
    tight = order(graph, even_costs(graph), rules(graph, 0, ()), Limits(2, 1))
    assert [graph.text(a) for a in free.programs[0] if a.operation is W] == ["0W0-2.*"]
    assert texts(Plan(graph, tight.programs)) == [
        "0F0.0 0F0.1 0I0.1 0W0.1 0I0.0 0F1.0 0W0.0 0F1.1 0I1.1 0W1.1 0I1.0 0F2.0 0W1.0 0F2.1 0I2.1 0W2.1 0I2.0 0W2.0"
    ]
