"""A picture as it was drawn: its words and shapes with their places, in pixels."""

import re
from itertools import combinations
from typing import NamedTuple
from xml.etree import ElementTree as ET

from pipebench.render.svg.words import width

SVG = "{http://www.w3.org/2000/svg}"
_SIZES = {"title": 16.0, "small": 11.0, "label": 9.0}
_OUTLINE = re.compile(r"M(\S+) (\S+)h(\S+)v(\S+)h-(\S+)z")


class Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


def root_of(document: str) -> ET.Element:
    root = ET.fromstring(document)
    assert root.tag == f"{SVG}svg"
    return root


def elements(document: str, tag: str, class_: str = "") -> list[ET.Element]:
    """Those of a tag that have a class, in their order."""
    found = root_of(document).iter(f"{SVG}{tag}")
    return [each for each in found if not class_ or class_ in each.get("class", "").split()]


def words(document: str, class_: str = "") -> list[str]:
    return [each.text or "" for each in elements(document, "text", class_)]


def bars(document: str, class_: str) -> list[Box]:
    """Of a timeline, those of one kind, lane by lane from left to right."""
    found = []
    for path in elements(document, "path", class_):
        for outline in _OUTLINE.findall(path.get("d", "")):
            left, top, wide, high, back = map(float, outline)
            assert wide == back
            found.append(Box(left, top, round(left + wide, 2), round(top + high, 2)))
    return sorted(found, key=lambda box: (box.top, box.left))


def rects(document: str, class_: str) -> list[Box]:
    """Rectangles of a class, from the top down."""
    found = []
    for rect in elements(document, "rect", class_):
        x, y, wide, high = (float(rect.get(name, "0")) for name in ("x", "y", "width", "height"))
        found.append(Box(x, y, x + wide, y + high))
    return found


def size_of(document: str) -> tuple[float, float]:
    root = root_of(document)
    left, top, wide, high = map(float, root.get("viewBox", "").split())
    assert (left, top) == (0, 0)
    assert (wide, high) == (float(root.get("width", "")), float(root.get("height", "")))
    return wide, high


def assert_words_keep_apart(document: str) -> None:
    """No words meet others or leave the picture, in the widest usual font."""
    wide, high = size_of(document)
    boxes = [(each.text or "", _box(each)) for each in elements(document, "text")]
    for text, box in boxes:
        assert box.left >= 0, text
        assert box.top >= 0, text
        assert box.right <= wide, text
        assert box.bottom <= high, text
    boxes.sort(key=lambda item: item[1].top)
    for (text, box), (other, another) in combinations(boxes, 2):
        assert not box.meets(another), (text, other)


def _box(element: ET.Element) -> Box:
    classes = element.get("class", "").split()
    size = next((_SIZES[name] for name in classes if name in _SIZES), 12.0)
    x, y = float(element.get("x", "")), float(element.get("y", ""))
    wide = width(element.text or "", size)
    anchor = "middle" if "label" in classes else element.get("text-anchor", "start")
    left = x - wide * {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor]
    return Box(left, y - 0.75 * size, left + wide, y + 0.2 * size)
