"""One operation of one stage on one (microbatch, chunk), or on several as one cell, and its text form.

    2F0      forward of stage 2 on microbatch 0
    2B0.3    backward of stage 2 on chunk 3 of microbatch 0
    2W0.0-7  the gradients of the weights over chunks 0 to 7 of microbatch 0, as one cell
    2W0-1.*  over all chunks of microbatches 0 and 1
    3RECV_F0 stage 3 receives the input of its 3F0
    3SEND_F0>7  stage 3 sends the result of its 3F0 to stage 7, where 7RECV_F0<3 receives it
    3NORM    the device whose lowest stage is 3 computes its share of the norm of all gradients

A send or receive names the stage at its other end if that is not the neighbour in the chain. Without chunks and
other ends the text form is that of ``torch.distributed.pipelining``.
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
    CLIP = "CLIP"  # a device notes the norm for its update
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

_NEXT = {  # how many stages away the other end is in a chain
    Operation.SEND_FORWARD: +1,
    Operation.RECEIVE_FORWARD: -1,
    Operation.SEND_BACKWARD: -1,
    Operation.RECEIVE_BACKWARD: +1,
}
EVERY = 0  # number of chunks in a text that says ``.*``
_LETTERS = "|".join(sorted((operation.value for operation in Operation), key=len, reverse=True))
_TEXT = re.compile(
    rf"(\d{{1,9}})({_LETTERS})"
    r"(?:(\d{1,9})(?:-(\d{1,9}))?(?:\.(?:(\*)|(\d{1,9})(?:-(\d{1,9}))?))?)?"
    r"(?:([<>])(\d{1,9}))?",
    re.ASCII,
)


class Action(NamedTuple):
    """One operation of one stage; small, frozen and hashable, without times or buffers.

    ``stage``, ``microbatch`` and ``chunk`` count from 0. ``chunk`` is a slice of the time axis; a graph
    without chunks uses 0 throughout. ``peer`` is the stage at the other end of a send or receive, ``None`` for the
    neighbour in a chain. ``transfer`` sets it so.

    A unit is on one slice. A cell is on ``chunks`` chunks of each of ``microbatches`` microbatches. ``chunk`` and
    ``microbatch`` are the first of them. It runs as one; ``cells.units_of`` gives its units.
    """

    operation: Operation
    stage: int
    microbatch: int
    chunk: int = 0
    peer: int | None = None
    microbatches: int = 1
    chunks: int = 1

    @property
    def slices(self) -> int:
        """The number of slices of this action."""
        return self.microbatches * self.chunks

    def text(self, *, of_chunks: int) -> str:
        """The text form, with ``.chunk`` behind the microbatch if the graph has more than one chunk."""
        slices = self.slices_text(of_chunks=of_chunks)
        other_end = "" if self.peer is None else f"{_mark(self.operation)}{self.peer}"
        return f"{self.stage}{self.operation.value}{slices}{other_end}"

    def slices_text(self, *, of_chunks: int) -> str:
        """The slices in the text form, such as 0.3 or 0.0-7; empty if the action belongs to none."""
        if self.operation in _OF_NO_SLICE:
            return ""
        return f"{_range(self.microbatch, self.microbatches)}{self._chunks(of_chunks)}"

    def _chunks(self, of_chunks: int) -> str:
        if of_chunks == 1:
            return ""
        if self.microbatches > 1 and self.chunks == of_chunks:
            return ".*"
        return f".{_range(self.chunk, self.chunks)}"

    def __str__(self) -> str:
        return self.text(of_chunks=max(self.chunk + self.chunks, 1))


def transfer(operation: Operation, end: Action, peer: int) -> Action:
    """The send or receive that belongs to ``end``, a compute action, with stage ``peer`` at its other end."""
    stage, microbatch, chunk = end[1:4]
    if operation in _OF_NO_SLICE:
        return Action(operation, stage, 0, peer=peer)
    in_a_chain = operation in _NEXT and peer == stage + _NEXT[operation]
    return Action(operation, stage, microbatch, chunk, None if in_a_chain else peer)


def next_stage(operation: Operation) -> int | None:
    """How many stages away the other end is if a send or receive does not name it; ``None`` if it always does."""
    return _NEXT.get(operation)


def _mark(operation: Operation) -> str:
    """The sign before the other end: ``>`` for a send, ``<`` for a receive."""
    return ">" if operation in SENDS else "<"


def parse_action(text: str) -> Action:
    """Read the text form; ``.*`` gives ``EVERY`` as the number of chunks, which ``cells.resolved`` replaces.

    Raises:
        UsageError: The text is not an action that pipebench knows.
    """
    match = _TEXT.fullmatch(text.strip())
    if match is None:
        raise UsageError(_expected(text))
    stage, letters, microbatch, last_microbatch, every, chunk, last_chunk, mark, peer = match.groups()
    operation = Operation(letters)
    microbatches = _how_many(microbatch, last_microbatch)
    chunks = EVERY if every else _how_many(chunk, last_chunk)
    first = int(microbatch or 0), int(chunk or 0)
    action = Action(operation, int(stage), *first, microbatches=microbatches, chunks=chunks)
    moves = operation in SENDS | RECEIVES
    if (
        (microbatch is None) != (operation in _OF_NO_SLICE)
        or microbatches < 1
        or chunks < EVERY
        or (moves and (microbatches, chunks) != (1, 1))
        or (mark is not None and not (moves and mark == _mark(operation)))
        or (mark is None and moves and operation not in _NEXT)
    ):
        raise UsageError(_expected(text))
    return action if mark is None else transfer(operation, action, int(peer))


def _range(first: int, number: int) -> str:
    """A range as text, such as 3 or 0-7."""
    return str(first) if number == 1 else f"{first}-{first + number - 1}"


def _how_many(first: str | None, last: str | None) -> int:
    """The number of slices from first to last; below every legal number if the last comes before the first."""
    if first is None or last is None:
        return 1
    return int(last) - int(first) + 1 if int(last) >= int(first) else EVERY - 1


def _expected(text: str) -> str:
    return (
        f"expected an action such as 2F0, 2B0.3, 2W0.0-7, 3RECV_F0 or 3SEND_F0>7 (operations F, B, I, W, SEND_F, "
        f"RECV_F, SEND_B, RECV_B; 3NORM, 0TOTAL, 3CLIP), got {text.strip()!r}"
    )
