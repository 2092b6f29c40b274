"""One operation of one stage on one (microbatch, chunk), and its text form.

    2F0      forward of stage 2 on microbatch 0
    2B0.3    backward of stage 2 on chunk 3 of microbatch 0
    3RECV_F0 stage 3 receives the input of its 3F0
    3SEND_F0>7  stage 3 sends the result of its 3F0 to stage 7, where 7RECV_F0<3 receives it
    3NORM    the device whose lowest stage is 3 computes its share of the norm of all gradients

A send or receive names its other end where that is not the next stage of a chain. The text form without chunks
and without other ends is the one of ``torch.distributed.pipelining``.
"""

import re
from enum import StrEnum
from typing import NamedTuple

from pipebench.errors import UsageError


class Operation(StrEnum):
    """What an action does; the value is its letter in the text form."""

    FORWARD = "F"
    BACKWARD = "B"  # the full backward: gradients of input, state and weights
    BACKWARD_INPUT = "I"  # gradients of input and state only
    BACKWARD_WEIGHT = "W"  # gradients of the weights only
    NORM = "NORM"  # a device's share of the norm of all gradients
    TOTAL = "TOTAL"  # the norm, of all shares
    CLIP = "CLIP"  # a device takes note of it, for its update
    SEND_FORWARD = "SEND_F"
    RECEIVE_FORWARD = "RECV_F"
    SEND_BACKWARD = "SEND_B"
    RECEIVE_BACKWARD = "RECV_B"
    SEND_NORM = "SEND_NORM"
    RECEIVE_NORM = "RECV_NORM"
    SEND_TOTAL = "SEND_TOTAL"
    RECEIVE_TOTAL = "RECV_TOTAL"


REDUCTIONS = (
    Operation.NORM,
    Operation.TOTAL,
    Operation.CLIP,
)  # work of a device that belongs to no slice, in order
COMPUTE = frozenset(
    {
        *(Operation.FORWARD, Operation.BACKWARD, Operation.BACKWARD_INPUT, Operation.BACKWARD_WEIGHT),
        *REDUCTIONS,
    }
)
SENDS = frozenset(
    {Operation.SEND_FORWARD, Operation.SEND_BACKWARD, Operation.SEND_NORM, Operation.SEND_TOTAL}
)
RECEIVES = frozenset(
    {Operation.RECEIVE_FORWARD, Operation.RECEIVE_BACKWARD, Operation.RECEIVE_NORM, Operation.RECEIVE_TOTAL}
)
_OF_NO_SLICE = frozenset(
    {
        *REDUCTIONS,
        *(Operation.SEND_NORM, Operation.RECEIVE_NORM, Operation.SEND_TOTAL, Operation.RECEIVE_TOTAL),
    }
)

_NEXT = {  # how far away the other end is in a chain of stages
    Operation.SEND_FORWARD: +1,
    Operation.RECEIVE_FORWARD: -1,
    Operation.SEND_BACKWARD: -1,
    Operation.RECEIVE_BACKWARD: +1,
}
_LETTERS = "|".join(sorted((operation.value for operation in Operation), key=len, reverse=True))
_TEXT = re.compile(
    rf"(\d{{1,9}})({_LETTERS})(?:(\d{{1,9}})(?:\.(\d{{1,9}}))?)?(?:([<>])(\d{{1,9}}))?", re.ASCII
)


class Action(NamedTuple):
    """Small, frozen and hashable; holds no times or buffers.

    ``stage``, ``microbatch`` and ``chunk`` count from 0. ``chunk`` is a slice of the time axis; a graph
    without chunks uses 0 throughout. ``peer`` is the stage at the other end of a send or receive, ``None`` for the
    neighbour in a chain; ``transfer`` makes it so.
    """

    operation: Operation
    stage: int
    microbatch: int
    chunk: int = 0
    peer: int | None = None

    def text(self, *, chunks: bool) -> str:
        """The text form, with ``.chunk`` behind the microbatch where the graph has ``chunks``."""
        suffix = f".{self.chunk}" if chunks else ""
        slice_ = "" if self.operation in _OF_NO_SLICE else f"{self.microbatch}{suffix}"
        other_end = "" if self.peer is None else f"{_mark(self.operation)}{self.peer}"
        return f"{self.stage}{self.operation.value}{slice_}{other_end}"

    def __str__(self) -> str:
        return self.text(chunks=self.chunk > 0)


def transfer(operation: Operation, end: Action, peer: int) -> Action:
    """The send or receive that belongs to ``end``, a compute action, with stage ``peer`` at its other end."""
    _, stage, microbatch, chunk, _ = end
    if operation in _OF_NO_SLICE:
        return Action(operation, stage, 0, peer=peer)
    in_a_chain = operation in _NEXT and peer == stage + _NEXT[operation]
    return Action(operation, stage, microbatch, chunk, None if in_a_chain else peer)


def next_stage(operation: Operation) -> int | None:
    """How far away the other end of a send or receive is that does not name it; ``None`` where all name it."""
    return _NEXT.get(operation)


def _mark(operation: Operation) -> str:
    """What stands before the other end: where it goes, or where it is from."""
    return ">" if operation in SENDS else "<"


def parse_action(text: str) -> Action:
    """Read the text form.

    Raises:
        UsageError: The text is not an action, or one that pipebench does not know.
    """
    match = _TEXT.fullmatch(text.strip())
    if match is None:
        raise UsageError(_expected(text))
    stage, letters, microbatch, chunk, mark, peer = match.groups()
    operation = Operation(letters)
    action = Action(operation, int(stage), int(microbatch or 0), int(chunk or 0))
    moves = operation in SENDS | RECEIVES
    if (
        (microbatch is None) != (operation in _OF_NO_SLICE)
        or (mark is not None and not (moves and mark == _mark(operation)))
        or (mark is None and moves and operation not in _NEXT)
    ):
        raise UsageError(_expected(text))
    return action if mark is None else transfer(operation, action, int(peer))


def _expected(text: str) -> str:
    return (
        f"expected an action such as 2F0, 2B0.3, 3RECV_F0 or 3SEND_F0>7 (operations F, B, I, W, SEND_F, RECV_F, "
        f"SEND_B, RECV_B; 3NORM, 0TOTAL, 3CLIP), got {text.strip()!r}"
    )
