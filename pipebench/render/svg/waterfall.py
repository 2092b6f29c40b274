"""A speed-up as a picture: from as many times as there are devices down to what was measured, factor by factor.

    devices      |##################################|              8.00x
    overlap      |#######################|//////////|    x 0.68    5.44x
    unexplained  |####################|XX|               x 0.96    3.44x
    speed-up     |####################|                            3.44x

The scale is logarithmic: factors multiply, so a factor has the same length wherever it stands, and twice as long means
that it counts twice as much. On a plain scale the same factor would look larger the earlier it comes.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from math import ceil, log, log2
from operator import mul
from typing import NamedTuple
from xml.etree import ElementTree as ET

from pipebench.records.explanation import WaterfallStep
from pipebench.render.svg.axis import doublings
from pipebench.render.svg.element import Point, add, document, number, picture, write
from pipebench.render.svg.frame import MARGIN, RIGHT, WIDTH, Heading, heading, notes
from pipebench.render.svg.words import BOLD, fitted, width, wrapped

UNEXPLAINED = "unexplained"
_TEXT, _SMALL = 12.0, 11.0  # font sizes, as in ``style``
_LEFT, _FACTOR, _RUNNING = 350.0, 760.0, RIGHT  # where bars begin; where figures end
_BAR, _LINE, _ROW_GAP = 18.0, 15.0, 12.0
_ROOM = _LEFT - 2 * MARGIN
_END = _FACTOR - 62.0  # where bars end at most


class _Row(NamedTuple):
    """A step with the speed-up before and after it; ``kind`` is how its piece is drawn, ``unit`` stands behind both."""

    step: WaterfallStep
    before: float
    after: float
    kind: str
    unit: str

    def lines(self) -> list[str]:
        """What is told below its name."""
        told = wrapped(self.step.what, _ROOM, _SMALL, most=4)
        if self.step.remedy:
            told += wrapped(f"→ {self.step.remedy}", _ROOM, _SMALL, most=2)
        return told

    @property
    def height(self) -> float:
        """Pixels."""
        return max(_BAR, 4 + _LINE * (1 + len(self.lines()))) + _ROW_GAP


class _Scale(NamedTuple):
    """A logarithmic axis from ``low`` to ``high``."""

    low: float
    high: float

    def x(self, value: float) -> float:
        """Pixels from the left."""
        return _LEFT + (_END - _LEFT) * log(value / self.low) / log(self.high / self.low)


def waterfall_svg(
    steps: Sequence[WaterfallStep],
    words: Heading,
    remarks: Sequence[str] = (),
    *,
    total: str = "speed-up",
    unit: str = "x",
) -> str:
    """The picture as a document.

    Args:
        steps: the first one is the number of devices; the product of all is the speed-up.
        words: the heading, with the evidence.
        remarks: sentences below it.
        total: what the product of all is called.
        unit: what stands behind its figures.
    """
    assert steps
    rows = _rows(steps, unit)
    scale = _scale(rows)
    root = picture(f"{words.title}, {words.evidence}", _description(rows, words, total), name="waterfall")
    top = _legend(root, {row.kind for row in rows}, heading(root, words), total) + 18
    product = WaterfallStep(step=total, factor=rows[-1].after, what="the product of all")
    every = [*rows, _Row(product, rows[-1].after, rows[-1].after, "total", unit)]
    bottom = top + sum(row.height for row in every)
    _axis(root, scale, top, bottom, unit)
    y = top
    for row, follower in zip(every, [*every[1:], None], strict=True):
        _draw(root, row, scale, y)
        if follower is not None:
            _connect(root, scale.x(row.after), y + _BAR, y + row.height)
        y += row.height
    y = notes(root, ["Logarithmic scale: equal factors have equal lengths.", *remarks], bottom + 26)
    return document(root, width=WIDTH, height=y + MARGIN)


def _rows(steps: Sequence[WaterfallStep], unit: str) -> list[_Row]:
    running = list(accumulate((step.factor for step in steps), mul))
    return [
        _Row(step, before, after, _kind(step, is_first=not place), unit)
        for place, (step, before, after) in enumerate(
            zip(steps, [running[0], *running], running, strict=False)
        )
    ]


def _kind(step: WaterfallStep, *, is_first: bool) -> str:
    if is_first:
        return "devices"
    if step.step == UNEXPLAINED:
        return UNEXPLAINED
    return "lost" if step.factor <= 1 else "won"


def _scale(rows: Sequence[_Row]) -> _Scale:
    """A scale from 1 on, or from a power of two below all speed-ups if one is 1 or less; all bars begin there."""
    reached = [row.after for row in rows]
    low = min(1.0, 2.0 ** (ceil(log2(min(reached))) - 1))
    return _Scale(low, max(*reached, 2 * low))


def _description(rows: Sequence[_Row], words: Heading, total: str) -> str:
    """The picture in words, for readers who do not see it."""
    first, *others = rows
    told = [f"{words.plan}", f"{_figure(first)} for {first.step.what or first.step.step}"]
    told += [
        f"times {row.step.factor:.2f} for {row.step.step} ({row.step.what}): {_figure(row)}" for row in others
    ]
    return ". ".join([*told, f"{total.capitalize()} {_figure(rows[-1])}, {words.evidence}"]) + "."


def _figure(row: _Row) -> str:
    """A speed-up with three digits or more."""
    value = row.after
    if value < 0.1:
        return f"{value:.3g}{row.unit}"
    return f"{value:.2f}{row.unit}" if value < 100 else f"{value:,.0f}{row.unit}"


def _tick(value: float, unit: str) -> str:
    return f"{value:.2g}{unit}" if value < 0.1 else f"{value:g}{unit}"


_NAMES = {"lost": "lost", "won": "won", UNEXPLAINED: UNEXPLAINED}


def _legend(root: ET.Element, kinds: set[str], y: float, total: str) -> float:
    x, y = MARGIN, y + 26
    entries = [
        ("running", f"{total} so far"),
        *((kind, name) for kind, name in _NAMES.items() if kind in kinds),
    ]
    for class_, name in entries:
        add(root, "rect", class_=class_, x=x, y=y - 11, width=22, height=13)
        write(root, Point(x + 29, y), name, class_="words legend")
        x += 29 + width(name, _TEXT) + 16
    return y


def _axis(root: ET.Element, scale: _Scale, top: float, bottom: float, unit: str) -> None:
    for tick in doublings(scale.low, scale.high):
        x = number(scale.x(tick))
        class_ = "axis" if tick == 1 else "line"
        add(root, "path", class_=class_, d=f"M{x} {number(top - 6)}V{number(bottom)}")
        write(
            root,
            Point(scale.x(tick), bottom + 16),
            _tick(tick, unit),
            class_="aside small tick",
            text_anchor="middle",
        )


def _connect(root: ET.Element, x: float, start: float, end: float) -> None:
    add(root, "path", class_="edge link", d=f"M{number(x)} {number(start)}V{number(end)}")


def _draw(root: ET.Element, row: _Row, scale: _Scale, y: float) -> None:
    """A row: its name and what it is, its bar with the piece that the step takes or adds, its figures."""
    group = add(root, "g", class_=f"row {row.kind}-row")
    add(group, "title", _told(row))
    baseline = y + 13
    write(
        group, Point(MARGIN, baseline), fitted(row.step.step, _ROOM / BOLD, _TEXT), class_="words strong name"
    )
    for place, line in enumerate(row.lines(), start=1):
        write(group, Point(MARGIN, baseline + _LINE * place), line, class_="aside small")
    for class_, start, end in _pieces(row, scale.low):
        left, right = sorted((scale.x(start), scale.x(end)))
        add(group, "rect", class_=class_, x=left, y=y, width=right - left, height=_BAR)
    if row.kind not in {"devices", "total"}:
        write(
            group,
            Point(_FACTOR, baseline),
            f"x {row.step.factor:.2f}",
            class_="aside factor",
            text_anchor="end",
        )
    write(group, Point(_RUNNING, baseline), _figure(row), class_="words strong after", text_anchor="end")


def _pieces(row: _Row, low: float) -> Iterator[tuple[str, float, float]]:
    """The parts of a bar: what was there before and still is, and what this step changes."""
    yield "running", low, min(row.before, row.after)
    if row.before != row.after:
        yield f"{row.kind} piece", row.before, row.after


def _told(row: _Row) -> str:
    factor = "" if row.kind in {"devices", "total"} else f" x {row.step.factor:.4g}"
    told = f"{row.step.step}{factor} = {row.after:.4g}{row.unit}: {row.step.what}"
    return f"{told}; {row.step.remedy}" if row.step.remedy else told
