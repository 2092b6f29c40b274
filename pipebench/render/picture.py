"""The timeline as a picture of one line a device.

    0 |██████░···████▒▒▒▒|
    1 | ██████ ...

Each column is a slice of the makespan and shows what the device did for most of it. The signs differ, so
the picture reads without colour.
"""

from operator import itemgetter
from typing import NamedTuple

from rich.text import Text

from pipebench.plan.actions import REDUCTIONS, Operation
from pipebench.render.units import seconds
from pipebench.timing.timeline import Timeline


class Sign(NamedTuple):
    """How one kind of time is drawn."""

    glyph: str
    plain: str  # where the output cannot show the glyph
    style: str
    name: str


FORWARD = Sign("█", "F", "blue", "forward")
BACKWARD = Sign("▒", "B", "green", "backward")
WAITING = Sign("·", ".", "red", "waiting")
TRANSFER = Sign("~", "~", "yellow", "transfer")
OTHER = Sign("+", "+", "magenta", "zeroing, optimizer")
IDLE = Sign(" ", " ", "", "idle")
LEGEND = (FORWARD, BACKWARD, WAITING, TRANSFER, OTHER)

Piece = tuple[float, float, Sign]  # start, end, sign


def picture(timeline: Timeline, *, width: int, plain: bool = False) -> Text:
    """One line a device, ``width`` columns in all, and a legend."""
    label = len(str(timeline.graph.devices - 1))
    columns = max(width - label - 3, 8)
    text = Text(no_wrap=True, overflow="ignore")
    for device in range(timeline.graph.devices):
        text.append(f"{device:>{label}} |")
        for sign in _columns(_pieces(timeline, device), timeline.makespan_s, columns):
            text.append(sign.plain if plain else sign.glyph, style=sign.style)
        text.append("|\n")
    end = seconds(timeline.makespan_s)
    text.append(f"{' ' * label}  0{end:>{columns - 1}}\n")
    text.append_text(_legend(width, plain=plain))
    return text


def _legend(width: int, *, plain: bool) -> Text:
    """On one line if it fits, else on several; a sign and its name stay together."""
    entries = [Text.assemble((s.plain if plain else s.glyph, s.style), f" {s.name}") for s in LEGEND]
    line = Text("   ").join([*entries, Text("blank: idle")])
    if line.cell_len <= width:
        return line
    room = width + 2  # a picture leaves so much of the console free
    lines = [Text()]
    for entry in [*entries, Text("blank idle")]:
        if lines[-1].plain and lines[-1].cell_len + 2 + entry.cell_len > room:
            lines.append(Text())
        lines[-1].append_text(Text.assemble("  " if lines[-1].plain else "", entry))
    return Text("\n").join(lines)


def _pieces(timeline: Timeline, device: int) -> list[Piece]:
    """What a device did and when; what is not listed is idle."""
    pieces: list[Piece] = [
        (span.start_s, span.end_s, _sign(span.action.operation)) for span in timeline.spans_of(device)
    ]
    for gap in timeline.gaps(device):
        pieces += [(gap.start_s, gap.sent_s, WAITING), (gap.sent_s, gap.end_s, TRANSFER)]
    pieces += [(work.start_s, work.end_s, OTHER) for work in timeline.other if work.device == device]
    return sorted(sorted(pieces, key=itemgetter(1)), key=itemgetter(0))


def _sign(operation: Operation) -> Sign:
    """How an action is drawn; the norm of all gradients is a part of the update."""
    if operation in REDUCTIONS:
        return OTHER
    return FORWARD if operation is Operation.FORWARD else BACKWARD


def _columns(pieces: list[Piece], makespan_s: float, columns: int) -> list[Sign]:
    """For each column the sign that takes most of its slice."""
    shares: list[dict[Sign, float]] = [{} for _ in range(columns)]
    slice_s = makespan_s / columns or 1.0
    for start, end, sign in pieces:
        first, last = int(start / slice_s), min(int(end / slice_s), columns - 1)
        for column in range(first, last + 1):
            overlap = min(end, (column + 1) * slice_s) - max(start, column * slice_s)
            shares[column][sign] = shares[column].get(sign, 0.0) + max(overlap, 0.0)
    return [_most(share, slice_s) for share in shares]


def _most(share: dict[Sign, float], slice_s: float) -> Sign:
    idle = slice_s - sum(share.values())
    return max([*share.items(), (IDLE, idle)], key=lambda item: item[1])[0]
