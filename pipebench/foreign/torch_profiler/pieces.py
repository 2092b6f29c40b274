"""What a label stands for: when the device computed, when messages came and went, in microseconds of its trace."""

from typing import NamedTuple

from pipebench.foreign.torch_profiler.labels import Label
from pipebench.foreign.torch_profiler.steps import Numbered

SENDS = {"F": "SEND_F", "B": "SEND_B", "I": "SEND_B"}  # by an operation, the send of its result
RECEIVES = {"F": "RECV_F", "B": "RECV_B", "I": "RECV_B"}  # by an operation, the receive of its input


class Piece(NamedTuple):
    """An operation with its times; ``stage`` is ``None`` where the rank has one and the label does not say which."""

    step: int
    operation: str
    stage: int | None
    microbatch: int | None
    start: float
    end: float
    number: int


class Extent(NamedTuple):
    """From when to when, in microseconds."""

    start: float
    end: float


def piece(numbered: Numbered, operation: str, extent: Extent) -> Piece:
    """A part of a label, as an operation of its stage and microbatch."""
    label = numbered.label
    return Piece(numbered.step, operation, label.stage, label.microbatch, *extent, label.number)


def needs(numbered: Numbered) -> tuple[int, str | None, int | None, int | None]:
    """The receive that a label waits for, as ``received`` names it."""
    label = numbered.label
    return numbered.step, RECEIVES.get(label.operation), label.stage, label.microbatch


def received(numbered: Numbered) -> tuple[int, str | None, int | None, int | None]:
    """The receive that a label posts."""
    label = numbered.label
    return numbered.step, label.operation, label.stage, label.microbatch


def whole(label: Label) -> Extent:
    """The whole extent of a label."""
    return Extent(label.start, label.end)
