import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.errors import UsageError
from pipebench.plan.actions import COMPUTE, RECEIVES, SENDS, Action, Operation, parse_action
from tests.builders import PROPERTY

F, B = Operation.FORWARD, Operation.BACKWARD
numbers = st.integers(0, 10**6)


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("2F0", Action(F, 2, 0)),
        ("12B34", Action(B, 12, 34)),
        ("0I7", Action(Operation.BACKWARD_INPUT, 0, 7)),
        ("0W7", Action(Operation.BACKWARD_WEIGHT, 0, 7)),
        ("0SEND_F1", Action(Operation.SEND_FORWARD, 0, 1)),
        ("3RECV_F0", Action(Operation.RECEIVE_FORWARD, 3, 0)),
        ("3SEND_B0", Action(Operation.SEND_BACKWARD, 3, 0)),
        ("2RECV_B0", Action(Operation.RECEIVE_BACKWARD, 2, 0)),
    ],
)
def test_text_form_without_chunks(text: str, action: Action) -> None:
    assert parse_action(text) == action
    assert action.text(chunks=False) == text
    assert str(action) == text


def test_text_form_with_chunks_ends_in_the_chunk() -> None:
    action = Action(B, 2, 0, 3)
    assert action.text(chunks=True) == "2B0.3"
    assert parse_action("2B0.3") == action
    assert str(action) == "2B0.3"


def test_chunk_zero_is_written_only_where_the_graph_has_chunks() -> None:
    assert Action(F, 1, 2, 0).text(chunks=True) == "1F2.0"
    assert Action(F, 1, 2, 0).text(chunks=False) == "1F2"
    assert parse_action("1F2.0") == parse_action("1F2")


def test_spaces_around_an_action_are_no_part_of_it() -> None:
    assert parse_action(" 2F0\n") == Action(F, 2, 0)


@PROPERTY
@given(st.sampled_from(list(Operation)), numbers, numbers, numbers)
def test_every_action_is_read_back_as_it_was_written(
    operation: Operation, stage: int, microbatch: int, chunk: int
) -> None:
    action = Action(operation, stage, microbatch, chunk)
    assert parse_action(action.text(chunks=True)) == action
    assert parse_action(str(action)) == action


@pytest.mark.parametrize(
    "text",
    ["", "F0", "2F", "2X0", "2f0", "-1F0", "2F-1", "2F0.", "2F0.1.2", "2F0 1F0", "2SEND0", "2RECV_W0", "٢F0"],
)
def test_what_is_no_action_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(UsageError, match=f"expected an action such as 2F0.*got {re.escape(repr(text))}"):
        parse_action(text)


def test_every_operation_is_either_compute_or_a_send_or_a_receive() -> None:
    assert set(Operation) == COMPUTE | SENDS | RECEIVES
    assert len(COMPUTE) + len(SENDS) + len(RECEIVES) == len(Operation)


def test_an_action_is_hashable_and_cannot_be_changed() -> None:
    action = Action(F, 0, 1)
    assert {action: "found"}[Action(F, 0, 1, 0)] == "found"
    with pytest.raises(AttributeError):
        action.stage = 1  # type: ignore[misc]
