"""What a device did and when: its timeline cut into pieces, one kind of time each.

    device 0   |zeroing|forward|waiting|transfer|backward|optimizer|idle|

All pictures of a timeline are drawn from these, so that they agree. Where a picture has no room for each piece, a
column stands for an equal slice of time and shows the kind that takes most of it.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from operator import itemgetter
from typing import NamedTuple

from pipebench.plan.actions import REDUCTIONS, Action, Operation
from pipebench.timing.timeline import Timeline


class Kind(StrEnum):
    """A kind of time; the value is its name for people."""

    FORWARD = "forward"
    BACKWARD = "backward"
    BACKWARD_INPUT = "backward, inputs"
    BACKWARD_WEIGHT = "backward, weights"
    WAITING = "waiting"
    TRANSFER = "transfer"
    OTHER = "zeroing, optimizer"
    IDLE = "idle"


class Piece(NamedTuple):
    """A stretch of one kind of time, in seconds from the step's start; ``action`` is what ran, if it was an action."""

    start_s: float
    end_s: float
    kind: Kind
    action: Action | None = None


def pieces(timeline: Timeline, device: int) -> list[Piece]:
    """What a device did, first to last; what is not listed is idle."""
    found = [
        Piece(span.start_s, span.end_s, kind_of(span.action.operation), span.action)
        for span in timeline.spans_of(device)
    ]
    for gap in timeline.gaps(device):
        found.append(Piece(gap.start_s, gap.sent_s, Kind.WAITING))
        found.append(Piece(gap.sent_s, gap.arrived_s, Kind.TRANSFER))
        if gap.end_s > gap.arrived_s:
            found.append(Piece(gap.arrived_s, gap.end_s, Kind.WAITING))
    found += [Piece(work.start_s, work.end_s, Kind.OTHER) for work in timeline.other if work.device == device]
    return sorted(sorted(found, key=itemgetter(1)), key=itemgetter(0))


_KINDS: Mapping[Operation, Kind] = {
    Operation.FORWARD: Kind.FORWARD,
    Operation.BACKWARD: Kind.BACKWARD,
    Operation.BACKWARD_INPUT: Kind.BACKWARD_INPUT,
    Operation.BACKWARD_WEIGHT: Kind.BACKWARD_WEIGHT,
    **dict.fromkeys(REDUCTIONS, Kind.OTHER),  # the norm of all gradients is a part of the update
}


def kind_of(operation: Operation) -> Kind:
    """The kind of time that an operation takes."""
    return _KINDS[operation]


def columns(found: Iterable[Piece], start_s: float, end_s: float, count: int) -> list[Kind]:
    """The kind that takes most of each of ``count`` equal columns between two moments; idle where there is no piece."""
    shares: list[dict[Kind, float]] = [{} for _ in range(count)]
    slice_s = (end_s - start_s) / count or 1.0
    for piece in found:
        start, end = piece.start_s - start_s, piece.end_s - start_s
        first, last = int(start / slice_s), min(int(end / slice_s), count - 1)
        for column in range(first, last + 1):
            overlap = min(end, (column + 1) * slice_s) - max(start, column * slice_s)
            shares[column][piece.kind] = shares[column].get(piece.kind, 0.0) + max(overlap, 0.0)
    return [_most(share, slice_s) for share in shares]


def _most(share: dict[Kind, float], slice_s: float) -> Kind:
    idle = slice_s - sum(share.values())
    return max([*share.items(), (Kind.IDLE, idle)], key=lambda item: item[1])[0]
