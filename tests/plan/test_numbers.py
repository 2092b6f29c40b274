import numpy as np
import pytest
from hypothesis import given

from pipebench.models.layout import Shape, graph_of
from pipebench.plan.actions import Action, parse_action
from pipebench.plan.dependence import inputs_of
from pipebench.plan.graph import Graph
from pipebench.plan.numbers import NONE, Inputs, Numbers, columns_of, rows
from tests.builders import PROPERTY, graphs, program
from tests.graphs import branching_graphs, shared_graphs

ANY = shared_graphs | branching_graphs() | graphs


def texts(numbers: Numbers, pairs: Inputs) -> list[str]:
    """``producer>consumer`` of each pair."""
    ends = (numbers.actions(each) for each in (pairs.producer, pairs.consumer))
    return [f"{producer}>{consumer}" for producer, consumer in zip(*ends, strict=True)]


def test_numbers_count_through_operation_stage_microbatch_and_chunk() -> None:
    numbers = Numbers(Graph(2, 2, clips=True))
    actions = program("0F0 0F1 1F0 1F1 0B0 0B1 1B0 1B1 0NORM 1NORM 0TOTAL 1TOTAL 0CLIP 1CLIP")
    assert tuple(numbers.every_action) == actions
    assert numbers.of(columns_of(actions)).tolist() == [*range(11), NONE, 12, 13]  # there is no 1TOTAL
    assert numbers.exist.tolist() == [True] * 11 + [False, True, True]
    assert numbers.devices.tolist() == [0, 0, 1, 1] * 2 + [0, 1] * 3
    chunks = Numbers(Graph(2, 2, 3))
    assert chunks.of(columns_of([parse_action("1F0.2"), parse_action("0B1.0")])).tolist() == [8, 15]


@pytest.mark.parametrize("text", ["2F0", "0F2", "0F0.1", "0I0", "0NORM", "0SEND_F0"])
def test_what_the_graph_does_not_have_has_no_number(text: str) -> None:
    assert Numbers(Graph(2, 2)).of(columns_of([parse_action(text)])).tolist() == [NONE]


def test_a_compute_action_names_nobody() -> None:
    odd = parse_action("0F0")._replace(peer=1)
    assert Numbers(Graph(2, 2)).of(columns_of([odd, parse_action("0F0")])).tolist() == [NONE, 0]


@PROPERTY
@given(ANY)
def test_all_actions_come_back_from_their_numbers_in_order(graph: Graph) -> None:
    numbers, actions = Numbers(graph), list(graph.actions())
    found = numbers.of(columns_of(actions))
    assert found.tolist() == np.flatnonzero(numbers.exist).tolist()
    assert numbers.actions(found) == actions
    assert [graph.device(action) for action in actions] == numbers.devices[found].tolist()


@PROPERTY
@given(ANY)
def test_inputs_are_those_of_the_rule_action_by_action(graph: Graph) -> None:
    numbers = Numbers(graph)
    expected = [f"{needed}>{action}" for action in graph.actions() for needed in inputs_of(graph, action)]
    assert texts(numbers, numbers.inputs) == expected


def test_messages_are_the_inputs_from_another_device() -> None:
    numbers = Numbers(Graph(3, 1, device_of=(0, 0, 1)))
    assert texts(numbers, numbers.messages) == ["1F0>2F0", "2B0>1B0"]
    alone = Numbers(Graph(1, 2))
    assert texts(alone, alone.messages) == []


def test_a_wide_softmax_is_evaluated_for_its_loss_alone() -> None:
    """500 shards, 499 of them away from the chain's last stage and from the loss; 3 microbatches, there and back."""
    numbers = Numbers(graph_of(Shape(500, "all"), 3, 1))
    assert len(numbers.messages.consumer) == 3 * 2 * (
        499 + 499 + 499
    )  # along the chain, to shards, to the loss


def test_rows_are_named_tuples_of_a_kind() -> None:
    made = list(rows(Action, "FB", [1, 2], [3, 4], [0, 0], [None, None], [1, 1], [1, 1]))
    assert made == [Action("F", 1, 3), Action("B", 2, 4)]
    assert [type(each) for each in made] == [Action, Action]
