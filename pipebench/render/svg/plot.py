"""Where the lanes of a timeline lie, and the axis below them.

          left            right
    top    |  lane 0        |
           |  lane 1        |    pitch: from one lane to the next
    bottom |________________|
           0    100   200  329 ms

With more devices the lanes become lower, down to one pixel. If they do not fit even then, the picture grows.
"""

from typing import NamedTuple
from xml.etree import ElementTree as ET

from pipebench.render.svg.axis import ticks, unit_of
from pipebench.render.svg.element import Point, add, number, write
from pipebench.render.svg.words import BOLD, width
from pipebench.render.units import seconds

READABLE = 12.0  # the least pitch, in pixels, of a lane that words fit beside
_TALLEST, _LOWEST, _MOST_HEIGHT = 24.0, 1.0, 640.0  # of a lane, and of all lanes unless they are too many
_SMALL = 11.0  # font size, as in ``style``
_BELOW = 18.0  # from one line of words to the next


def pitch_of(devices: int) -> float:
    """Pixels from one lane to the next."""
    return max(min(_TALLEST, _MOST_HEIGHT / devices), _LOWEST)


class Plot(NamedTuple):
    """A plot, in pixels; ``end_s`` is the makespan, which is at its right end."""

    left: float
    right: float
    top: float
    pitch: float
    devices: int
    end_s: float

    @property
    def is_readable(self) -> bool:
        """Whether words fit beside each lane and into it."""
        return self.pitch >= READABLE

    @property
    def height(self) -> float:
        """The height of a lane; a gap is left to the next lane where there is room."""
        if self.is_readable:
            return self.pitch - 4
        return self.pitch * 0.85 if self.pitch > 3 else self.pitch

    @property
    def bottom(self) -> float:
        """The end of the last lane."""
        return self.top + self.pitch * self.devices

    def x(self, moment_s: float) -> float:
        """The place of a moment of the step."""
        return self.left + (self.right - self.left) * (moment_s / self.end_s if self.end_s else 0.0)

    def y(self, device: int) -> float:
        """Where a device's lane begins."""
        return self.top + self.pitch * device

    def middle(self, device: int) -> float:
        """The middle of a device's lane."""
        return self.y(device) + self.height / 2

    def wide(self, start_s: float, end_s: float) -> float:
        """The width of a stretch of time."""
        return self.x(end_s) - self.x(start_s)


def draw_axis(root: ET.Element, plot: Plot) -> float:
    """Draw lines behind the lanes and their times below, the makespan last; return how far down the axis reaches."""
    size, unit = unit_of(plot.end_s)
    below, end = plot.bottom + _BELOW, seconds(plot.end_s)
    room = plot.right - width(end, _SMALL) * BOLD - 8
    marks = ticks(plot.end_s / size, 8)
    add(root, "path", class_="line", d="".join(_upright(plot, tick * size) for tick in marks))
    add(root, "path", class_="axis", d=_upright(plot, plot.end_s))
    for tick in marks:
        x, words = plot.x(tick * size), f"{tick:g}"
        if x + width(words, _SMALL) / 2 <= room:
            write(root, Point(x, below), words, class_="aside small tick", text_anchor="middle")
    write(root, Point(plot.right, below), end, class_="words small strong makespan", text_anchor="end")
    write(
        root,
        Point(plot.left, below + _BELOW),
        f"time from the start of the step, {unit}",
        class_="aside small",
    )
    return below + _BELOW


def _upright(plot: Plot, moment_s: float) -> str:
    return f"M{number(plot.x(moment_s))} {number(plot.top - 4)}V{number(plot.bottom + 4)}"
