"""The frame of every picture: what stands around the drawing.

    8 emulated devices                     (virtual time)    title and evidence
    gpipe, 16 microbatches x 1 chunk                         what ran
    ...
    In the bars: the microbatch, counted from 0.             remarks

The evidence says how the figures came to be. It stands beside the title, so that it cannot be missed.
"""

from collections.abc import Sequence
from typing import NamedTuple
from xml.etree import ElementTree as ET

from pipebench.render.svg.element import Point, add, write
from pipebench.render.svg.words import BOLD, fitted, width, wrapped

WIDTH = 840.0  # pixels: as wide as a README
MARGIN = 16.0
RIGHT = WIDTH - MARGIN
_TITLE, _TEXT, _SMALL = 16.0, 12.0, 11.0  # font sizes, as in ``style``
_BADGE_HEIGHT = 22.0
_LINE_HEIGHT = 16.0


class Heading(NamedTuple):
    """``evidence`` says how the figures came to be: wall clock, virtual time, simulated."""

    title: str
    evidence: str
    plan: str


def heading(root: ET.Element, words: Heading) -> float:
    """Draw title, evidence and plan; return how far down they reach."""
    badge = width(words.evidence, _TEXT) * BOLD + 20
    left = RIGHT - badge
    add(root, "rect", class_="badge edge", x=left, y=14, width=badge, height=_BADGE_HEIGHT, rx=11)
    middle = Point(left + badge / 2, 29)
    write(root, middle, words.evidence, class_="words strong evidence", text_anchor="middle")
    room = (left - 2 * MARGIN) / BOLD
    write(root, Point(MARGIN, 31), fitted(words.title, room, _TITLE), class_="words title")
    y = 36.0
    for line in wrapped(words.plan, RIGHT - MARGIN, _TEXT, most=3):
        y += _LINE_HEIGHT
        write(root, Point(MARGIN, y), line, class_="aside")
    return y


def notes(root: ET.Element, lines: Sequence[str], y: float) -> float:
    """Draw sentences below the picture, from ``y`` on; return how far down they reach."""
    for sentence in lines:
        for line in wrapped(sentence, RIGHT - MARGIN, _SMALL):
            y += _LINE_HEIGHT
            write(root, Point(MARGIN, y), line, class_="aside small note")
    return y
