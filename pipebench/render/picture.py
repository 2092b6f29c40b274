"""The timeline as a picture of one line a device.

    0 |██████░···████▒▒▒▒|
    1 | ██████ ...

Each column is a stretch of the makespan and shows what the device did for most of it. The signs differ, so
the picture reads without colour. Where a backward is in halves, W has a sign of its own.
"""

from collections.abc import Mapping
from itertools import groupby
from typing import NamedTuple

from rich.text import Text

from pipebench.plan.actions import Operation
from pipebench.render.pieces import Kind, columns, pieces
from pipebench.render.units import seconds
from pipebench.timing.timeline import Timeline


class Sign(NamedTuple):
    """How one kind of time is drawn."""

    glyph: str
    plain: str  # where the output cannot show the glyph
    style: str
    name: str


FORWARD = Sign("█", "F", "blue", Kind.FORWARD)
BACKWARD = Sign("▒", "B", "green", Kind.BACKWARD)
WEIGHTS = Sign("░", "W", "cyan", Kind.BACKWARD_WEIGHT)
WAITING = Sign("·", ".", "red", Kind.WAITING)
TRANSFER = Sign("~", "~", "yellow", Kind.TRANSFER)
OTHER = Sign("+", "+", "magenta", Kind.OTHER)
IDLE = Sign(" ", " ", "", Kind.IDLE)
LEGEND = (FORWARD, BACKWARD, WAITING, TRANSFER, OTHER)
_SIGNS: Mapping[Kind, Sign] = {Kind(sign.name): sign for sign in (*LEGEND, WEIGHTS, IDLE)}


def picture(
    timeline: Timeline, *, width: int, plain: bool = False, most: int | None = None, note: str = ""
) -> Text:
    """One line a device, ``width`` columns in all, and a legend.

    Args:
        timeline: the timeline of one step.
        width: columns of the picture, its legend included.
        plain: whether the output cannot show block characters.
        most: how many devices at most are drawn. Of more, evenly spaced ones are, from the first to the last.
        note: what stands on the axis, where there is room for it.
    """
    label = len(str(timeline.graph.devices - 1))
    room = max(width - label - 3, 8)
    text = Text(no_wrap=True, overflow="ignore")
    for device in drawn(timeline.graph.devices, most):
        text.append(f"{device:>{label}} |")
        for sign, columns_alike in groupby(_signs(timeline, device, room)):
            glyph = sign.plain if plain else sign.glyph
            text.append(glyph * len(list(columns_alike)), style=sign.style)
        text.append("|\n")
    text.append(f"{' ' * label}  {_axis(seconds(timeline.makespan_s), note, room)}\n")
    text.append_text(_legend(timeline, width, plain=plain))
    return text


def drawn(devices: int, most: int | None) -> list[int]:
    """The devices that have a line: all, or ``most`` evenly spaced ones from the first to the last."""
    if most is None or devices <= most:
        return list(range(devices))
    return [round(line * (devices - 1) / (most - 1)) for line in range(most)]


def _axis(end: str, note: str, room: int) -> str:
    """From 0 to the step's end, the note in the midst of it if it fits."""
    between = room - 1 - len(end)
    return f"0{note if len(note) + 2 <= between else '':^{between}}{end}"


def _legend(timeline: Timeline, width: int, *, plain: bool) -> Text:
    """On one line if it fits, else on several; a sign and its name stay together."""
    signs = list(LEGEND)
    if any(span.action.operation is Operation.BACKWARD_WEIGHT for span in timeline.spans):
        signs.insert(LEGEND.index(BACKWARD) + 1, WEIGHTS)
    entries = [Text.assemble((s.plain if plain else s.glyph, s.style), f" {s.name}") for s in signs]
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


def _signs(timeline: Timeline, device: int, room: int) -> list[Sign]:
    """For each column the sign of what takes most of its time; I, the first half of a backward, has the sign of B."""
    found = (
        piece._replace(kind=Kind.BACKWARD) if piece.kind is Kind.BACKWARD_INPUT else piece
        for piece in pieces(timeline, device)
    )
    return [_SIGNS[kind] for kind in columns(found, 0.0, timeline.makespan_s, room)]
