from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given

from pipebench.plan.actions import REDUCTIONS, Action, Operation, parse_action
from pipebench.plan.dependence import input_edges, inputs_of
from pipebench.plan.graph import Graph
from tests.builders import PROPERTY
from tests.graphs import branching_graphs

F, B = Operation.FORWARD, Operation.BACKWARD
SHARED = Graph(5, 2, 3, device_of=(0, 1, 0, 1, 0), feeds=((1,), (2, 3), (4,), (4,), ()), chain=2)
TWO_SEGMENTS = Graph(
    stages=4,
    microbatches=2,
    chunks=4,
    feeds=((1,), (2, 3), (3,), ()),
    chain=2,
    segments=2,
    lives=((0, 1), (0, 1), (1,), (1,)),
    clips=True,
)


@pytest.mark.parametrize(
    ("action", "inputs"),
    [
        ("0F0.0", ""),
        ("1F0.0", "0F0.0"),
        ("0F1.2", "0F1.1"),
        ("1F1.2", "0F1.2 1F1.1"),
        ("2B1.2", "2F1.2"),
        ("2B1.1", "2F1.1 2B1.2"),
        ("1B0.2", "1F0.2 2B0.2"),
        ("0B0.0", "0F0.0 1B0.0 0B0.1"),
    ],
)
def test_rule_of_forward_and_full_backward(action: str, inputs: str) -> None:
    graph = Graph(stages=3, microbatches=2, chunks=3)
    assert inputs_of(graph, parse_action(action)) == [parse_action(text) for text in inputs.split()]


@pytest.mark.parametrize(
    ("action", "inputs"),
    [
        ("1F1.1", "0F1.1 1F1.0"),
        ("2I1.2", "2F1.2"),
        ("1I0.1", "1F0.1 2I0.1 1I0.2"),
        ("1W0.1", "1I0.1"),
        ("2W1.2", "2I1.2"),
    ],
)
def test_rule_of_a_backward_in_halves(action: str, inputs: str) -> None:
    graph = Graph(stages=3, microbatches=2, chunks=3, split_backward=True)
    assert inputs_of(graph, parse_action(action)) == [parse_action(text) for text in inputs.split()]


@pytest.mark.parametrize(
    ("action", "inputs"),
    [
        ("1F0.1", "0F0.1 1F0.0"),
        ("2F0.1", "1F0.1"),
        ("3F0.2", "1F0.2"),
        ("4F1.2", "2F1.2 3F1.2"),
        ("4B0.1", "4F0.1"),
        ("3B0.0", "3F0.0 4B0.0"),
        ("1B0.1", "1F0.1 2B0.1 3B0.1 1B0.2"),
        ("1B1.2", "1F1.2 2B1.2 3B1.2"),
        ("0B0.1", "0F0.1 1B0.1 0B0.2"),
    ],
)
def test_rule_where_a_stage_feeds_several_and_several_feed_one(action: str, inputs: str) -> None:
    """What is beside the chain hands nothing from chunk to chunk."""
    assert inputs_of(SHARED, parse_action(action)) == [parse_action(text) for text in inputs.split()]


@pytest.mark.parametrize(
    ("action", "inputs"),
    [
        ("2F0.1", "1F0.1"),
        ("1I0.1", "1F0.1 2I0.1 3I0.1 1I0.2"),
        ("2I0.1", "2F0.1 4I0.1"),
        ("4I0.1", "4F0.1"),
        ("1W0.1", "1I0.1"),
        ("4W0.1", "4I0.1"),
    ],
)
def test_rule_of_halves_where_a_stage_feeds_several(action: str, inputs: str) -> None:
    graph = replace(SHARED, split_backward=True)
    assert inputs_of(graph, parse_action(action)) == [parse_action(text) for text in inputs.split()]


def test_a_stage_may_feed_past_the_next_one() -> None:
    graph = Graph(4, 1, feeds=((1, 2, 3), (2, 3), (3,), ()), chain=1)
    assert [graph.fed_by(stage) for stage in range(4)] == [(), (0,), (0, 1), (0, 1, 2)]
    assert [str(needed) for needed in inputs_of(graph, parse_action("3F0"))] == ["0F0", "1F0", "2F0"]
    assert [str(needed) for needed in inputs_of(graph, parse_action("0B0"))] == ["0F0", "1B0", "2B0", "3B0"]


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize(("stages", "microbatches", "chunks"), [(1, 1, 1), (8, 4, 1), (3, 2, 4), (5, 1, 8)])
def test_rule_on_arrays_equals_the_rule_on_single_actions(
    stages: int, microbatches: int, chunks: int, *, split: bool
) -> None:
    assert_arrays_equal_single_actions(Graph(stages, microbatches, chunks, split_backward=split))


@PROPERTY
@given(branching_graphs())
def test_rule_on_arrays_equals_the_rule_on_single_actions_whatever_feeds_what(graph: Graph) -> None:
    assert_arrays_equal_single_actions(graph)


def assert_arrays_equal_single_actions(graph: Graph) -> None:
    everywhere = product(range(graph.stages), range(graph.microbatches), range(graph.chunks))
    indices = [(s, m, c) for s, m, c in everywhere if graph.has(Action(F, s, m, c))]
    stage, microbatch, chunk = (np.array(column) for column in zip(*indices, strict=True))
    compared = 0
    for operation in graph.operations:
        found: list[list[Action]] = [[] for _ in indices]
        for needed, s, m, c, exists in input_edges(graph, operation, stage, microbatch, chunk):
            for position in np.flatnonzero(exists):
                values = int(s[position]), int(m[position]), int(c[position])
                found[position].append(Action(needed, *values))
        for index, inputs in zip(indices, found, strict=True):
            assert inputs == inputs_of(graph, Action(operation, *index))
            compared += 1
    assert compared == sum(action.operation not in REDUCTIONS for action in graph.actions())


@PROPERTY
@given(branching_graphs())
def test_forwards_go_along_the_feeds_and_gradients_back_along_the_same(graph: Graph) -> None:
    gradient = graph.operations[1]
    along = {(stage, fed) for stage, all_fed in enumerate(graph.feeds) for fed in all_fed}
    assert along == {(fed, stage) for stage in range(graph.stages) for fed in graph.fed_by(stage)}
    for chunk in range(graph.chunks):
        alive = {stage for stage in range(graph.stages) if graph.segment_of(chunk) in graph.lives[stage]}
        here = {(a, b) for a, b in along if {a, b} <= alive}
        for operation, ends in ((F, here), (gradient, {(b, a) for a, b in here})):
            crossed = {
                (needed.stage, stage)
                for stage in alive
                for needed in inputs_of(graph, Action(operation, stage, 0, chunk))
                if needed.stage != stage
            }
            assert crossed == ends


def test_inputs_are_actions_of_the_same_graph() -> None:
    graph = Graph(4, 3, 5, split_backward=True)
    own = set(graph.actions())
    assert {needed for action in own for needed in inputs_of(graph, action)} <= own


@pytest.mark.parametrize(
    ("action", "inputs"),
    [
        ("1F0.1", ["0F0.1", "1F0.0"]),
        ("1F0.2", ["0F0.2", "1F0.1"]),  # the state crosses the border
        ("2F0.2", ["1F0.2"]),
        ("3F0.2", ["1F0.2", "2F0.2"]),
        ("1B0.3", ["1F0.3", "2B0.3", "3B0.3"]),
        ("1B0.1", ["1F0.1", "1B0.2"]),  # nobody takes what it gave: its gradient is the state's alone
        ("1B0.2", ["1F0.2", "2B0.2", "3B0.2", "1B0.3"]),
        ("0TOTAL", ["0NORM", "1NORM", "2NORM", "3NORM"]),
        ("2CLIP", ["0TOTAL"]),
        ("2NORM", ["2B0.2", "2B0.3", "2B1.2", "2B1.3"]),
    ],
)
def test_feeds_hold_in_a_segment_and_state_crosses_its_border(action: str, inputs: list[str]) -> None:
    assert [TWO_SEGMENTS.text(each) for each in inputs_of(TWO_SEGMENTS, parse_action(action))] == inputs


def test_the_norm_is_computed_once_on_each_device_and_added_up_once() -> None:
    graph = Graph(3, 1, device_of=(0, 1, 0), clips=True)
    found = [str(action) for action in graph.actions() if action.operation in REDUCTIONS]
    assert found == ["0NORM", "1NORM", "0TOTAL", "0CLIP", "1CLIP"]
    assert [str(each) for each in inputs_of(graph, parse_action("0NORM"))] == ["0B0", "2B0"]
    assert not [each for each in Graph(3, 1).actions() if each.operation in REDUCTIONS]
