"""The transfer pass in arrays against the one that went action by action."""

from itertools import product
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from pipebench.models.layout import Shape, graph_of
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import add_transfers, messages_of
from tests.builders import GRID, PIPELINED, PROPERTY, graphs
from tests.graphs import SHARED_GRID, branching_graphs, shared_graphs
from tests.plan import oracle


def test_all_sizes_of_all_schedules() -> None:
    for sizes, schedule in product(GRID[:: len(GRID) // 40], PIPELINED):
        plan = SCHEDULES[schedule].plan(Graph(*sizes))
        assert add_transfers(plan) == oracle.add_transfers(plan)


def test_a_shared_softmax() -> None:
    for devices, sharing, microbatches, chunks in SHARED_GRID[:: len(SHARED_GRID) // 40]:
        plan = SCHEDULES["gpipe"].plan(graph_of(Shape(devices, sharing), microbatches, chunks))
        assert add_transfers(plan) == oracle.add_transfers(plan)


@PROPERTY
@given(shared_graphs | branching_graphs() | graphs, st.randoms())
def test_any_plan_in_any_order_whole_or_not(graph: Graph, random: Random) -> None:
    programs = []
    for program in SCHEDULES["gpipe"].plan(graph).programs:
        actions = list(program)
        for _ in range(random.choice([0, 2, 5])):
            actions.insert(random.randrange(len(actions)), actions.pop(random.randrange(len(actions))))
        for _ in range(random.choice([0, 0, 1])):
            actions.pop(random.randrange(len(actions)))
        programs.append(tuple(actions))
    plan = Plan(graph, tuple(programs))
    assert add_transfers(plan) == oracle.add_transfers(plan)


@PROPERTY
@given(shared_graphs | branching_graphs() | graphs)
def test_all_messages_of_a_graph_are_those_to_each_of_its_actions(graph: Graph) -> None:
    assert messages_of(graph) == [m for action in graph.actions() for m in oracle.messages_to(graph, action)]
