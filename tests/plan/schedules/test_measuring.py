"""The plan to measure actions by: legal for every graph, in cells of two sizes where there are two."""

from collections import defaultdict

import pytest
from hypothesis import given

from pipebench.models.layout import Shape, graph_of
from pipebench.plan.actions import Operation
from pipebench.plan.check import check
from pipebench.plan.graph import Graph
from pipebench.plan.schedules.measuring import measuring_plan
from pipebench.plan.transfers import add_transfers
from pipebench.timing.costs import UniformCosts
from pipebench.timing.simulator import simulate
from tests.builders import PROPERTY, texts
from tests.graphs import SHARED_GRID, branching_graphs

COSTS = UniformCosts(1, backward_input=1, backward_weight=1)


def runs(graph: Graph) -> None:
    plan = add_transfers(measuring_plan(graph))
    check(plan)
    assert simulate(plan, COSTS).makespan_s > 0


@pytest.mark.parametrize("segments", [1, 2])
@pytest.mark.parametrize("lone_head", [False, True])
def test_it_is_legal_for_every_shape(segments: int, *, lone_head: bool) -> None:
    for chain, sharing, microbatches, chunks in SHARED_GRID[::2]:
        lone = lone_head and chain > 1
        shape = Shape(
            chain, None if lone else sharing, segments=segments, lone_head=lone, split_backward=True
        )
        runs(graph_of(shape, microbatches, chunks))
        runs(Graph(chain, microbatches, chunks, split_backward=True))


@PROPERTY
@given(branching_graphs().filter(lambda graph: graph.split_backward and not graph.clips))
def test_it_is_legal_for_any_stages_beside_any_chain(graph: Graph) -> None:
    runs(graph)


def test_a_small_one_by_hand() -> None:
    plan = measuring_plan(Graph(2, 1, 3, split_backward=True))
    assert texts(plan) == [
        "0F0.0 0F0.1 0F0.2 0I0.2 0I0.1 0I0.0 0W0.1-2 0W0.0",
        "1F0.0 1F0.1 1F0.2 1I0.2 1I0.1 1I0.0 1W0.1-2 1W0.0",
    ]
    assert texts(measuring_plan(Graph(1, 2, 1, split_backward=True))) == ["0F0 0F1 0I0 0I1 0W0 0W1"]


def test_each_cost_can_be_told_from_two_sizes() -> None:
    """Of W of every stage, and of F and I of shards."""
    graph = graph_of(Shape(2, "all", split_backward=True), 2, 16)
    sizes: dict[tuple[Operation, int], set[int]] = defaultdict(set)
    for program in measuring_plan(graph).programs:
        for action in program:
            sizes[action.operation, action.stage].add(action.slices)
    for stage in range(graph.stages):
        assert sizes[Operation.BACKWARD_WEIGHT, stage] == {4, 12}
        for operation in (Operation.FORWARD, Operation.BACKWARD_INPUT):
            assert sizes[operation, stage] == ({1} if stage < graph.chain else {1, 4})
