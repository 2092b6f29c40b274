"""The bars of a timeline: each device's lane from the start of the step to its end, without a gap.

    pieces   |FFFF|..|B|w|B|w|B|+|
    bars     |FFFF|..|BBBBB    |+|    pieces too narrow to be seen share columns; each shows what takes most of it

No picture has more than ``MOST_BARS`` bars: columns become wider until they are few enough.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from pipebench.render.pieces import Kind, Piece, columns

MOST_BARS = 55_000  # a file of less than 2 MB
_NARROWEST = 0.5  # pixels


class Bars(NamedTuple):
    """The bars of all lanes; ``least_s`` is how long a column is, ``None`` where all pieces are drawn as they are."""

    lanes: Sequence[Sequence[Piece]]
    least_s: float | None


def bars(lanes: Sequence[Sequence[Piece]], end_s: float, pixels: float, most: int = MOST_BARS) -> Bars:
    """Bars of what each device did.

    Args:
        lanes: the pieces of each device, in their order.
        end_s: the makespan.
        pixels: the width of the makespan.
        most: the largest number of bars, in all lanes together.
    """
    whole = [_without_gaps(pieces, end_s) for pieces in lanes]
    if not end_s:
        return Bars(whole, None)
    column = _NARROWEST
    while True:
        least_s = end_s * column / pixels
        drawn = [_at_least(lane, least_s) for lane in whole]
        if sum(map(len, drawn)) <= most or column >= pixels:
            is_merged = any(piece.end_s - piece.start_s < least_s for lane in whole for piece in lane)
            return Bars(drawn, least_s if is_merged else None)
        column *= 2


def _without_gaps(pieces: Iterable[Piece], end_s: float) -> list[Piece]:
    """The pieces, with idle ones in all gaps; pieces that take no time are left out."""
    lane: list[Piece] = []
    now = 0.0
    for piece in [*pieces, Piece(end_s, end_s, Kind.IDLE)]:
        if piece.start_s > now:
            lane.append(Piece(now, piece.start_s, Kind.IDLE))
            now = piece.start_s
        if piece.end_s > now:
            lane.append(piece._replace(start_s=now))
            now = piece.end_s
    return lane


def _at_least(lane: Sequence[Piece], least_s: float) -> list[Piece]:
    """A lane with columns in place of the pieces that are shorter than ``least_s``."""
    found: list[Piece] = []
    for is_narrow, neighbours in groupby(lane, key=lambda piece: piece.end_s - piece.start_s < least_s):
        group = list(neighbours)
        found += _columns_of(group, least_s) if is_narrow else group
    return _joined(found)


def _columns_of(group: Sequence[Piece], least_s: float) -> list[Piece]:
    start_s, end_s = group[0].start_s, group[-1].end_s
    count = max(int((end_s - start_s) / least_s), 1)
    kinds = columns(group, start_s, end_s, count)
    edges = [start_s + (end_s - start_s) * number / count for number in range(count)] + [end_s]
    return [Piece(edges[number], edges[number + 1], kind) for number, kind in enumerate(kinds)]


def _joined(lane: Iterable[Piece]) -> list[Piece]:
    """Join neighbours of one kind, except actions: each of them stays by itself."""
    found: list[Piece] = []
    for piece in lane:
        if found and found[-1].kind == piece.kind and found[-1].action is None is piece.action:
            found[-1] = found[-1]._replace(end_s=piece.end_s)
        else:
            found.append(piece)
    return found
