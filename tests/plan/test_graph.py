from itertools import product

import numpy as np
import pytest

from pipebench.errors import UsageError
from pipebench.plan.actions import Action, Operation, parse_action
from pipebench.plan.graph import Graph, input_edges, inputs_of

F, B = Operation.FORWARD, Operation.BACKWARD
INPUT, WEIGHT = Operation.BACKWARD_INPUT, Operation.BACKWARD_WEIGHT


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


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize(("stages", "microbatches", "chunks"), [(1, 1, 1), (8, 4, 1), (3, 2, 4), (5, 1, 8)])
def test_rule_on_arrays_equals_the_rule_on_single_actions(
    stages: int, microbatches: int, chunks: int, *, split: bool
) -> None:
    graph = Graph(stages, microbatches, chunks, split_backward=split)
    indices = list(product(range(stages), range(microbatches), range(chunks)))
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
    assert compared == len(list(graph.actions()))


def test_inputs_are_actions_of_the_same_graph() -> None:
    graph = Graph(4, 3, 5, split_backward=True)
    own = set(graph.actions())
    assert {needed for action in own for needed in inputs_of(graph, action)} <= own


def test_every_action_stands_in_the_graph_once() -> None:
    actions = list(Graph(3, 4, 5).actions())
    assert len(actions) == len(set(actions)) == 2 * 3 * 4 * 5
    assert len(set(Graph(3, 4, 5, split_backward=True).actions())) == 3 * 3 * 4 * 5


def test_operations_follow_the_form_of_the_backward() -> None:
    assert Graph(1, 1).operations == (F, B)
    assert Graph(1, 1, split_backward=True).operations == (F, INPUT, WEIGHT)


def test_a_stage_runs_on_the_device_of_its_number_by_default() -> None:
    graph = Graph(3, 1)
    assert graph.device_of == (0, 1, 2)
    assert graph.devices == 3
    assert graph.last_stage == 2
    assert graph.device(Action(F, 2, 0)) == 2


def test_several_stages_may_share_a_device() -> None:
    graph = Graph(4, 1, device_of=(0, 1, 0, 1))
    assert graph.devices == 2
    assert graph.last_stage == 3
    assert graph.stages_of(0) == (0, 2)
    assert graph.stages_of(1) == (1, 3)
    assert graph.device(Action(B, 2, 0)) == 0


def test_text_shows_chunks_only_where_there_are_some() -> None:
    assert Graph(1, 1, 1).text(Action(F, 0, 0)) == "0F0"
    assert Graph(1, 1, 2).text(Action(F, 0, 0)) == "0F0.0"


@pytest.mark.parametrize("name", ["stages", "microbatches", "chunks"])
@pytest.mark.parametrize("value", [0, -3])
def test_a_size_below_one_is_refused_by_its_name(name: str, value: int) -> None:
    sizes = {"stages": 1, "microbatches": 1, "chunks": 1} | {name: value}
    with pytest.raises(UsageError, match=f"{name} must be at least 1, got {value}"):
        Graph(**sizes)


@pytest.mark.parametrize(
    ("device_of", "message"),
    [
        ((0,), "expected a device for each of 2 stages, got 1"),
        ((0, 1, 2), "expected a device for each of 2 stages, got 3"),
        ((0, 2), r"without gaps, got \(0, 2\)"),
        ((1, 1), r"without gaps, got \(1, 1\)"),
        ((-1, 0), r"without gaps, got \(-1, 0\)"),
    ],
)
def test_devices_that_do_not_fit_the_stages_are_refused(device_of: tuple[int, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Graph(2, 1, device_of=device_of)
