"""A timeline as a picture: one lane a device, time from left to right.

    8 emulated devices                        (virtual time)
    gpipe, 4 microbatches x 1 chunk
    # forward  % backward  . waiting
    device                                              busy
    0 embedding + LSTM 0  |0 1 2 3........  3 2 1 0|    52 %
    1 LSTM 1              |  0 1 2 3....3 2 1 0    |    51 %
                          0       100      200   329 ms

Nothing is cut or moved: a bar is as wide as what it stands for took, to a hundredth of a pixel.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from xml.etree import ElementTree as ET

from pipebench.plurals import counted
from pipebench.render.pieces import Kind, Piece, pieces
from pipebench.render.svg.bars import bars
from pipebench.render.svg.element import Point, add, document, number, picture, write
from pipebench.render.svg.frame import MARGIN, RIGHT, WIDTH, Heading, heading, notes
from pipebench.render.svg.labels import LETTERS, Labels, labels_of
from pipebench.render.svg.plot import READABLE, Plot, draw_axis, pitch_of
from pipebench.render.svg.words import fitted, width
from pipebench.render.units import percent, seconds
from pipebench.timing.timeline import Timeline, Usage

_SMALL, _TEXT = 11.0, 12.0  # font sizes, as in ``style``
_MOST_LAYERS, _BUSY = 190.0, 44.0  # pixels for the layers' names, and for the share of busy time
_GAP = 12.0
_APART = 3.0  # a bar of this width or more has a line between itself and the next one
_SWATCH = Point(22.0, 13.0)
_HALF = 3.2  # from the middle of small digits down to their baseline
_FEW = 16  # so many devices, or fewer, are described one by one

_CLASSES: Mapping[Kind, str] = {
    Kind.FORWARD: "forward",
    Kind.BACKWARD: "backward",
    Kind.BACKWARD_INPUT: "backward",
    Kind.BACKWARD_WEIGHT: "weights",
    Kind.WAITING: "waiting",
    Kind.TRANSFER: "transfer",
    Kind.OTHER: "other",
}


class _Device(NamedTuple):
    """A device with what stands beside its lane."""

    number: int
    layers: str
    usage: Usage
    end_s: float

    def told(self) -> str:
        """The device's time in a sentence."""
        shares = (f"{part[:-2]} {percent(value, self.end_s)}" for part, value in self.usage._asdict().items())
        name = f" ({self.layers})" if self.layers else ""
        return f"device {self.number}{name}: {', '.join(shares)}"


def timeline_svg(
    timeline: Timeline, words: Heading, layers: Sequence[str], remarks: Sequence[str] = ()
) -> str:
    """The picture as a document.

    Args:
        timeline: the timeline of one step.
        words: the heading, with the evidence.
        layers: what each device holds.
        remarks: sentences below it.
    """
    devices = [
        _Device(number, name, timeline.usage(number), timeline.makespan_s)
        for number, name in enumerate(layers)
    ]
    assert len(devices) == timeline.graph.devices
    lanes = [pieces(timeline, device.number) for device in devices]
    root = picture(f"{words.title}, {words.evidence}", _description(devices, words), name="timeline")
    y = _legend(
        root,
        {piece.kind for lane in lanes for piece in lane if piece.end_s > piece.start_s},
        heading(root, words),
    )
    plot = _plot(devices, y + 32)
    y = draw_axis(root, plot)
    drawn = bars(lanes, plot.end_s, plot.right - plot.left)
    labels = labels_of(drawn.lanes, plot, of_chunks=timeline.graph.chunks)
    for device, lane in zip(devices, drawn.lanes, strict=True):
        _lane(root, device, lane, labels)
    _names(root, devices, plot)
    y = notes(root, [*remarks, *_explained(labels, drawn.least_s)], y + 8)
    return document(root, width=WIDTH, height=y + MARGIN)


def _after_number(devices: Sequence[_Device]) -> float:
    """Where the layers' names begin."""
    return MARGIN + width(str(len(devices) - 1), _TEXT) + 10


def _plot(devices: Sequence[_Device], top: float) -> Plot:
    pitch, left = pitch_of(len(devices)), _after_number(devices)
    longest = max(width(device.layers, _SMALL) for device in devices)
    if pitch >= READABLE and longest:
        left += min(longest, _MOST_LAYERS) + _GAP
    return Plot(left, RIGHT - _BUSY, top, pitch, len(devices), devices[0].end_s)


def _legend(root: ET.Element, kinds: set[Kind], y: float) -> float:
    """Draw the legend of the kinds that occur; return how far down it reaches."""
    x, y = MARGIN, y + 26
    for kind in [*(each for each in _CLASSES if each in kinds), Kind.IDLE]:
        name = "blank: idle" if kind is Kind.IDLE else kind.value
        swatch = 0.0 if kind is Kind.IDLE else _SWATCH.x + 7
        wide = swatch + width(name, _TEXT)
        if x + wide > RIGHT:
            x, y = MARGIN, y + 20
        if kind is not Kind.IDLE:
            _swatch(root, kind, Point(x, y))
        write(root, Point(x + swatch, y), name, class_="words legend")
        x += wide + 16
    return y


def _swatch(root: ET.Element, kind: Kind, at: Point) -> None:
    top = at.y - _SWATCH.y + 2
    add(root, "rect", class_=_CLASSES[kind], x=at.x, y=top, width=_SWATCH.x, height=_SWATCH.y)
    if kind in LETTERS:
        middle = Point(at.x + _SWATCH.x / 2, top + _SWATCH.y / 2 + _HALF)
        write(root, middle, LETTERS[kind], class_=f"label on-{_CLASSES[kind]}")


def _lane(root: ET.Element, device: _Device, lane: Sequence[Piece], labels: Labels) -> None:
    """Draw the bars of one device; what it did is told in words when the mouse points at them."""
    plot = labels.plot
    group = add(root, "g", class_="lane")
    add(group, "title", device.told())
    for kind, class_ in _CLASSES.items():
        for is_apart in (False, True):
            found = [bar for bar in lane if bar.kind is kind and _is_apart(plot, bar) is is_apart]
            if found:
                path = "".join(_outline(plot, device.number, bar) for bar in found)
                add(group, "path", class_=f"{class_} apart" if is_apart else class_, d=path)
    for bar in lane:
        words = labels.of(bar)
        if words:
            at = Point((plot.x(bar.start_s) + plot.x(bar.end_s)) / 2, plot.middle(device.number) + _HALF)
            write(group, at, words, class_=f"label on-{_CLASSES[bar.kind]}")


def _is_apart(plot: Plot, bar: Piece) -> bool:
    return bar.action is not None and plot.wide(bar.start_s, bar.end_s) >= _APART


def _outline(plot: Plot, device: int, bar: Piece) -> str:
    """The path of a bar; edges are rounded before the width is taken, so that neighbours meet."""
    decimals = 2 if plot.is_readable else 1  # where there are many bars, fewer decimals keep the file small
    left, right = round(plot.x(bar.start_s), decimals), round(plot.x(bar.end_s), decimals)
    x, y, wide, high = (
        number(value, decimals) for value in (left, plot.y(device), right - left, plot.height)
    )
    return f"M{x} {y}h{wide}v{high}h-{wide}z"


def _names(root: ET.Element, devices: Sequence[_Device], plot: Plot) -> None:
    """Write number, layers and busy time beside each lane, or beside some lanes where they are low."""
    every = next(n for n in (1, 2, 5, 10, 20, 50) if n * plot.pitch >= READABLE)
    after_number, above = _after_number(devices), plot.top - 10
    write(root, Point(RIGHT, above), "busy", class_="aside small", text_anchor="end")
    write(root, Point(MARGIN, above), "device", class_="aside small")
    for device in devices[::every]:
        y = plot.middle(device.number) + 4
        write(root, Point(after_number - 10, y), str(device.number), class_="words device", text_anchor="end")
        if plot.is_readable and device.layers:
            name = fitted(device.layers, _MOST_LAYERS, _SMALL)
            write(root, Point(after_number, y), name, class_="aside small layers")
        busy = percent(device.usage.busy_s, plot.end_s)
        write(root, Point(RIGHT, y), busy, class_="words small busy", text_anchor="end")


def _description(devices: Sequence[_Device], words: Heading) -> str:
    """The picture in words, for readers who do not see it."""
    told = (
        f"The timeline of one step, {words.evidence}: {counted(len(devices), 'device')}, "
        f"{seconds(devices[0].end_s)}. {words.plan}"
    )
    each = (device.told() for device in devices) if len(devices) <= _FEW else ()
    return ". ".join([told, *each]) + "."


def _explained(labels: Labels, least_s: float | None) -> Iterator[str]:
    if labels.are_there:
        slices = "microbatch.chunk" if labels.of_chunks > 1 else "the microbatch"
        ranges = ", from-to where several run as one" if labels.cells else ""
        yield f"In the bars: {slices}, counted from 0{ranges}."
    if least_s is not None:
        yield (
            f"What took less than {seconds(least_s)} is not drawn by itself: columns of that width show what their "
            "device did for most of each."
        )
