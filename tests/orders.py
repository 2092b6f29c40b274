"""Graphs with a split backward, costs and rules to order them by, and plans unit by unit."""

from dataclasses import replace
from random import Random

from hypothesis import strategies as st

from pipebench.plan.actions import Action, Operation
from pipebench.plan.cells import units_in
from pipebench.plan.graph import Graph
from pipebench.plan.order_costs import CellCost, OrderCosts
from pipebench.plan.plan import Plan
from pipebench.plan.schedules.order_search import Rules
from tests.graphs import branching_graphs, shared_graphs


def split(graph: Graph) -> Graph:
    """With a backward in halves, and no work beyond its slices'."""
    return replace(graph, split_backward=True, clips=False)


split_graphs = st.one_of(branching_graphs(), shared_graphs).map(split)


def random_order_costs(graph: Graph, seed: int, *, ports: bool = True) -> OrderCosts:
    """All different, and none of them 0."""
    random = Random(seed)

    def cells() -> tuple[CellCost, ...]:
        return tuple(CellCost(random.uniform(0.1, 2), random.uniform(0.1, 2)) for _ in range(graph.stages))

    def messages() -> tuple[float, ...]:
        return tuple(random.uniform(0.01, 0.6) for _ in range(graph.stages))

    return OrderCosts(cells(), cells(), cells(), messages(), messages(), ports)


@st.composite
def rules_for(draw: st.DrawFn, graph: Graph) -> Rules:
    """Any rules, good or bad."""
    few = st.lists(st.integers(1, 5), max_size=6)
    return Rules(
        tuple(draw(st.lists(st.integers(0, 20), min_size=graph.chain, max_size=graph.chain))),
        tuple(tuple(draw(few)) for _ in range(graph.chain)),
        draw(st.sampled_from([0.0, 0.2, 2.0])),
        draw(st.integers(1, 4)),
        draw(st.booleans()),
        draw(st.integers(0, 30)),
    )


def cost_of(costs: OrderCosts, action: Action, slices: int) -> float:
    """Seconds of an action on so many slices."""
    table = {
        Operation.FORWARD: costs.forward,
        Operation.BACKWARD_INPUT: costs.backward_input,
        Operation.BACKWARD_WEIGHT: costs.backward_weight,
    }[action.operation]
    return table[action.stage].of(slices)


def message_s(costs: OrderCosts, producer: Action) -> float:
    """Seconds of a message about a unit's result."""
    forward = producer.operation is Operation.FORWARD
    return (costs.forward_message_s if forward else costs.backward_message_s)[producer.stage]


def in_units(plan: Plan) -> Plan:
    """Each cell replaced by its units in order."""
    return Plan(plan.graph, tuple(tuple(units_in(plan.graph, program)) for program in plan.programs))
