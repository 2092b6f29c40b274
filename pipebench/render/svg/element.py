"""Elements of a picture.

    svg  title, desc    read aloud in the picture's place
         style, defs    colours and patterns, see ``style``
         ...            what is drawn

They are valid XML whatever their words hold, and the same bytes every time.
"""

from typing import NamedTuple
from xml.etree import ElementTree as ET

from pipebench.render.inert import inert
from pipebench.render.svg.style import css, patterns

Value = str | float


class Point(NamedTuple):
    """Pixels from the left and from the top."""

    x: float
    y: float


def number(value: float, decimals: int = 2) -> str:
    """The number with at most ``decimals`` decimals (1 or more), and no zeros at the end: ``12.5``, ``3``."""
    text = f"{value:.{decimals}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def add(parent: ET.Element, tag: str, words: str = "", **attributes: Value) -> ET.Element:
    """Put an element into another; ``text_anchor`` is written ``text-anchor``, and ``class_`` is ``class``."""
    written = {
        name.rstrip("_").replace("_", "-"): inert(value) if isinstance(value, str) else number(value)
        for name, value in attributes.items()
    }
    element = ET.SubElement(parent, tag, written)
    element.text = inert(words) or None
    return element


def write(parent: ET.Element, at: Point, words: str, **attributes: Value) -> ET.Element:
    """Words on one line; ``at`` is where their baseline starts, or ends with ``text_anchor="end"``."""
    return add(parent, "text", words, x=at.x, y=at.y, **attributes)


def picture(title: str, description: str, *, name: str) -> ET.Element:
    """An empty picture; ``name`` keeps its ids apart from those of other pictures in the same page."""
    root = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg"})
    root.attrib |= {
        "class": "pipebench",
        "role": "img",
        "aria-labelledby": f"{name}-title {name}-description",
    }
    add(root, "title", title, id=f"{name}-title")
    add(root, "desc", description, id=f"{name}-description")
    ET.SubElement(root, "style").text = css(name)
    root.append(patterns(name))
    add(root, "rect", class_="page", width="100%", height="100%")
    return root


def document(root: ET.Element, *, width: float, height: float) -> str:
    """The whole file, with the size of the picture in pixels."""
    root.attrib |= {
        "viewBox": f"0 0 {number(width)} {number(height)}",
        "width": number(width),
        "height": number(height),
    }
    ET.indent(root, " ")
    return ET.tostring(root, encoding="unicode") + "\n"
