import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.errors import UsageError
from pipebench.plan.actions import (
    COMPUTE,
    RECEIVES,
    REDUCTIONS,
    SENDS,
    Action,
    Operation,
    parse_action,
    transfer,
)
from tests.builders import PROPERTY

F, B = Operation.FORWARD, Operation.BACKWARD
numbers = st.integers(0, 10**6)
NAMES_ITS_PEER = {operation for operation in SENDS | RECEIVES if operation.value.endswith(("NORM", "TOTAL"))}
OF_SLICES = set(Operation) - NAMES_ITS_PEER - set(REDUCTIONS)


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
        ("3SEND_F0>7", Action(Operation.SEND_FORWARD, 3, 0, peer=7)),
        ("7RECV_F0<3", Action(Operation.RECEIVE_FORWARD, 7, 0, peer=3)),
        ("7SEND_B1>3", Action(Operation.SEND_BACKWARD, 7, 1, peer=3)),
        ("3RECV_B1<7", Action(Operation.RECEIVE_BACKWARD, 3, 1, peer=7)),
        ("3SEND_F0>2", Action(Operation.SEND_FORWARD, 3, 0, peer=2)),
        ("3NORM", Action(Operation.NORM, 3, 0)),
        ("0TOTAL", Action(Operation.TOTAL, 0, 0)),
        ("3CLIP", Action(Operation.CLIP, 3, 0)),
        ("3SEND_NORM>0", Action(Operation.SEND_NORM, 3, 0, peer=0)),
        ("0RECV_NORM<3", Action(Operation.RECEIVE_NORM, 0, 0, peer=3)),
        ("0SEND_TOTAL>3", Action(Operation.SEND_TOTAL, 0, 0, peer=3)),
        ("3RECV_TOTAL<0", Action(Operation.RECEIVE_TOTAL, 3, 0, peer=0)),
    ],
)
def test_text_form_without_chunks(text: str, action: Action) -> None:
    assert parse_action(text) == action
    assert action.text(of_chunks=1) == text
    assert str(action) == text


def test_text_form_with_chunks_ends_in_the_chunk() -> None:
    action = Action(B, 2, 0, 3)
    assert action.text(of_chunks=4) == "2B0.3"
    assert parse_action("2B0.3") == action
    assert str(action) == "2B0.3"


@pytest.mark.parametrize(
    ("operation", "end", "peer", "text"),
    [
        (Operation.SEND_FORWARD, Action(F, 3, 0, 2), 7, "3SEND_F0.2>7"),
        (Operation.RECEIVE_FORWARD, Action(F, 7, 0, 2), 3, "7RECV_F0.2<3"),
        (Operation.SEND_BACKWARD, Action(Operation.BACKWARD_INPUT, 7, 0, 2), 3, "7SEND_B0.2>3"),
        (Operation.RECEIVE_BACKWARD, Action(B, 3, 0, 2), 7, "3RECV_B0.2<7"),
        (Operation.SEND_FORWARD, Action(F, 3, 0, 2), 4, "3SEND_F0.2"),
        (Operation.RECEIVE_FORWARD, Action(F, 3, 0, 2), 2, "3RECV_F0.2"),
        (Operation.SEND_BACKWARD, Action(B, 3, 0, 2), 2, "3SEND_B0.2"),
        (Operation.RECEIVE_BACKWARD, Action(B, 3, 0, 2), 4, "3RECV_B0.2"),
    ],
)
def test_the_other_end_is_named_where_it_is_not_the_neighbour(
    operation: Operation, end: Action, peer: int, text: str
) -> None:
    made = transfer(operation, end, peer)
    assert made.text(of_chunks=4) == str(made) == text
    assert parse_action(text) == made


@pytest.mark.parametrize(
    ("named", "usual"),
    [
        ("3SEND_F0>4", "3SEND_F0"),
        ("3RECV_F0<2", "3RECV_F0"),
        ("3SEND_B0.1>2", "3SEND_B0.1"),
        ("3RECV_B0<4", "3RECV_B0"),
    ],
)
def test_a_neighbour_that_is_named_makes_no_other_action(named: str, usual: str) -> None:
    assert parse_action(named) == parse_action(usual)
    assert str(parse_action(named)) == usual


@PROPERTY
@given(st.sampled_from(sorted(SENDS | RECEIVES)), numbers, numbers, numbers, numbers)
def test_every_transfer_is_read_back_as_it_was_written(
    operation: Operation, stage: int, microbatch: int, chunk: int, peer: int
) -> None:
    action = transfer(operation, Action(F, stage, microbatch, chunk), peer)
    assert parse_action(action.text(of_chunks=4)) == action
    assert parse_action(str(action)) == action


def test_chunk_zero_is_written_only_where_the_graph_has_chunks() -> None:
    assert Action(F, 1, 2, 0).text(of_chunks=4) == "1F2.0"
    assert Action(F, 1, 2, 0).text(of_chunks=1) == "1F2"
    assert parse_action("1F2.0") == parse_action("1F2")


def test_spaces_around_an_action_are_no_part_of_it() -> None:
    assert parse_action(" 2F0\n") == Action(F, 2, 0)


@PROPERTY
@given(st.sampled_from(sorted(set(Operation) - NAMES_ITS_PEER)), numbers, numbers, numbers)
def test_every_action_is_read_back_as_it_was_written(
    operation: Operation, stage: int, microbatch: int, chunk: int
) -> None:
    action = (
        Action(operation, stage, microbatch, chunk) if operation in OF_SLICES else Action(operation, stage, 0)
    )
    assert parse_action(action.text(of_chunks=4)) == action
    assert parse_action(str(action)) == action


@pytest.mark.parametrize(
    "text",
    [
        *[
            "",
            "F0",
            "2F",
            "2X0",
            "2f0",
            "-1F0",
            "2F-1",
            "2F0.",
            "2F0.1.2",
            "2F0 1F0",
            "2SEND0",
            "2RECV_W0",
            "٢F0",
        ],
        *[
            "2F0>3",
            "2F0<1",
            "2B0<3",
            "2I0>1",
            "2W0>1",
            "2SEND_F0<3",
            "2SEND_B0<1",
            "2RECV_F0>1",
            "2RECV_B0>3",
        ],
        *[
            "2SEND_F0>",
            "2NORM0",
            "2NORM0.1",
            "2NORM>1",
            "NORM",
            "2SEND_NORM",
            "2SEND_NORM<0",
            "2SEND_TOTAL0>1",
            "2RECV_NORM>0",
            "2CLIP<0",
            "2SEND_F0>-1",
            "2SEND_F0>3>4",
            "2SEND_F0 >3",
            "2SEND_F0>3.1",
            "2SEND_F0>٣",
            ">3",
            "2>3",
        ],
    ],
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
