"""Colours and patterns of a picture, for a light page and for a dark one in the same file.

    forward   dark                waiting   dots          lost         slashes
    backward  light               transfer  fine slashes  won          plus signs
    weights   slashes             other     grey          unexplained  crossed slashes

What can lie side by side differs in lightness or by a pattern, so a picture reads in grey and with any colour vision.
"""

from collections.abc import Mapping
from typing import NamedTuple
from xml.etree import ElementTree as ET

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', sans-serif"


class Ink(NamedTuple):
    """A colour on a light page, and the one in its place on a dark page."""

    light: str
    dark: str


PAGE = Ink("#ffffff", "#0d1117")
WORDS = Ink("#1f2328", "#e6edf3")
ASIDE = Ink("#59636e", "#9198a1")
LINE = Ink("#d1d9e0", "#30363d")
FORWARD = Ink("#0a4478", "#2e6db4")
BACKWARD = Ink("#d07f14", "#f4bb66")
ON_DARK = Ink("#ffffff", "#ffffff")  # words on a forward
ON_LIGHT = Ink("#1b1200", "#1b1200")  # words on a backward
OTHER = Ink("#6e7781", "#8b949e")


class Pattern(NamedTuple):
    """Marks on a ground; where there is no room for a mark, the ground alone is seen."""

    ground: Ink
    marks: Ink
    size: float  # of the tile, pixels
    path: str
    thickness: float = 1.0  # of a line, pixels


_SLASHES = "M-1 1L1 -1M0 6L6 0M5 7L7 5"
_GRID = f"{_SLASHES}M-1 5L1 7M0 0L6 6M5 -1L7 1"
PATTERNS: Mapping[str, Pattern] = {
    "weights": Pattern(Ink("#f0dcea", "#3a1f34"), Ink("#8e3b7a", "#d58cc0"), 6, _SLASHES, 1.4),
    "waiting": Pattern(Ink("#fcefec", "#2a1512"), Ink("#b3452f", "#f08b76"), 5, "M2 2.5h1", 1.0),
    "transfer": Pattern(
        Ink("#d5efec", "#0d302d"), Ink("#0f6e66", "#4fc7ba"), 4, "M-1 1L1 -1M0 4L4 0M3 5L5 3"
    ),
    "lost": Pattern(Ink("#fbe3de", "#33150f"), Ink("#b3452f", "#f08b76"), 6, _SLASHES, 1.4),
    "won": Pattern(Ink("#d5efec", "#0d302d"), Ink("#0f6e66", "#4fc7ba"), 6, "M3 1.2v3.6M1.2 3h3.6", 1.2),
    "unexplained": Pattern(Ink("#eef1f4", "#1d232b"), Ink("#59636e", "#9198a1"), 6, _GRID, 0.9),
}

_FILLS: Mapping[str, Ink] = {
    "page": PAGE,
    "forward": FORWARD,
    "backward": BACKWARD,
    "other": OTHER,
    "running": FORWARD,
    "words": WORDS,
    "aside": ASIDE,
    "on-forward": ON_DARK,
    "on-backward": ON_LIGHT,
    "on-weights": WORDS,
}
_STROKES: Mapping[str, Ink] = {
    "line": LINE,
    "edge": ASIDE,
    "axis": ASIDE,
    "apart": PAGE,
    "on-weights": PAGE,
    "piece": ASIDE,
}
_SHAPES = """
.pipebench text { font: 12px FONT; }
.pipebench .title { font-size: 16px; font-weight: 600; }
.pipebench .strong { font-weight: 600; }
.pipebench .small { font-size: 11px; }
.pipebench .label { font-size: 9px; text-anchor: middle; }
.pipebench .line, .pipebench .axis, .pipebench .edge { fill: none; }
.pipebench .apart { stroke-width: .8; }
.pipebench .link { stroke-dasharray: 2 2; }
.pipebench .on-weights { paint-order: stroke; stroke-width: 2.5; }
"""


def css(name: str) -> str:
    """The style sheet of the picture of this name."""
    shapes = _SHAPES.replace("FONT", FONT)
    fills = "".join(f".pipebench .{each} {{ fill: url(#{name}-{each}); }}\n" for each in PATTERNS)
    light, dark = _colours(light=True), _colours(light=False)
    return f"{shapes}{fills}{light}@media (prefers-color-scheme: dark) {{\n{dark}}}\n"


def patterns(name: str) -> ET.Element:
    """The definitions of all patterns of the picture of this name."""
    defs = ET.Element("defs")
    for each, pattern in PATTERNS.items():
        size = f"{pattern.size:g}"
        tile = ET.SubElement(
            defs,
            "pattern",
            {"id": f"{name}-{each}", "patternUnits": "userSpaceOnUse", "width": size, "height": size},
        )
        ET.SubElement(tile, "rect", {"class": f"{each}-ground", "width": size, "height": size})
        ET.SubElement(tile, "path", {"class": f"{each}-marks", "d": pattern.path})
    return defs


def _colours(*, light: bool) -> str:
    def of(ink: Ink) -> str:
        return ink.light if light else ink.dark

    rules = [f".{name} {{ fill: {of(ink)}; }}" for name, ink in _FILLS.items()]
    rules += [f".{name} {{ stroke: {of(ink)}; }}" for name, ink in _STROKES.items()]
    for name, pattern in PATTERNS.items():
        rules.append(f".{name}-ground {{ fill: {of(pattern.ground)}; }}")
        width = f"stroke-width: {pattern.thickness:g}"
        rules.append(f".{name}-marks {{ stroke: {of(pattern.marks)}; {width}; fill: none; }}")
    return "".join(f".pipebench {rule}\n" for rule in rules)
