"""How much room words take, without asking a font: an estimate that is rather too wide than too narrow.

A picture is drawn by fonts that are not known here. So words are cut or wrapped to fit in DejaVu Sans,
the widest of the usual ones.
"""

import unicodedata
from collections.abc import Sequence

from pipebench.render.inert import inert

_NARROW, _WIDE = frozenset("ijlft.,:;'|!()[]/ -I"), frozenset("mwMW%@+=<>#~…→")
_CUT = "…"
BOLD = 1.11  # times as wide as plain


def width(words: str, size: float) -> float:
    """Pixels that words take at a font size in pixels."""
    return size * sum(map(_ems, inert(words)))


def _ems(letter: str) -> float:
    if unicodedata.combining(letter):
        return 0.0
    if unicodedata.east_asian_width(letter) in {"W", "F"}:
        return 1.05
    if letter in _NARROW:
        return 0.36
    return 1.0 if letter in _WIDE else 0.74 if letter.isupper() else 0.64


def fitted(words: str, room: float, size: float) -> str:
    """The words, cut at their end if they take more than ``room`` pixels."""
    words = inert(words)
    if width(words, size) <= room:
        return words
    left = room - width(_CUT, size)
    kept = 0
    for letter in words:
        left -= _ems(letter) * size
        if left < 0:
            break
        kept += 1
    return words[:kept].rstrip() + _CUT


def wrapped(words: str, room: float, size: float, *, most: int | None = None) -> list[str]:
    """The words on lines of ``room`` pixels, on at most ``most`` lines; the last line is cut if it is too long."""
    rest: Sequence[str] = inert(words).split()
    lines: list[str] = []
    while rest and (most is None or len(lines) < most):
        if most is not None and len(lines) == most - 1:
            return [*lines, fitted(" ".join(rest), room, size)]
        count = _that_fit(rest, room, size)
        lines.append(fitted(" ".join(rest[:count]), room, size))
        rest = rest[count:]
    return lines


def _that_fit(words: Sequence[str], room: float, size: float) -> int:
    """How many words go on one line, at least one."""
    taken, space = 0.0, width(" ", size)
    for count, word in enumerate(words):
        taken += width(word, size) + (space if count else 0.0)
        if taken > room and count:
            return count
    return len(words)
