from itertools import combinations

import pytest

from pipebench.render.svg import style
from pipebench.render.svg.style import PATTERNS, Ink, css


def luminance(colour: str) -> float:
    """Relative, as WCAG 2 defines it."""
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrasts(one: Ink, other: Ink) -> list[float]:
    """On a light page and on a dark one."""
    found = []
    for pair in zip(one, other, strict=True):
        low, high = sorted(map(luminance, pair))
        found.append((high + 0.05) / (low + 0.05))
    return found


@pytest.mark.parametrize(
    ("words", "ground"),
    [
        (style.WORDS, style.PAGE),
        (style.ASIDE, style.PAGE),
        (style.ON_DARK, style.FORWARD),
        (style.ON_LIGHT, style.BACKWARD),
        (style.WORDS, PATTERNS["weights"].ground),
    ],
)
def test_words_are_read_on_what_they_stand_on(words: Ink, ground: Ink) -> None:
    assert min(contrasts(words, ground)) >= 4.5


def test_forward_backward_and_the_page_are_told_apart_by_lightness() -> None:
    for one, other in combinations((style.FORWARD, style.BACKWARD, style.PAGE), 2):
        assert min(contrasts(one, other)) >= 3.0


@pytest.mark.parametrize("name", PATTERNS)
def test_marks_are_seen_on_their_ground(name: str) -> None:
    assert min(contrasts(PATTERNS[name].marks, PATTERNS[name].ground)) >= 4.5


def test_no_two_patterns_of_one_picture_have_the_same_marks() -> None:
    for together in (("weights", "waiting", "transfer"), ("lost", "won", "unexplained")):
        assert len({PATTERNS[name].path for name in together}) == 3


def test_light_and_dark_set_the_same_colours() -> None:
    light, dark = css("x").split("@media (prefers-color-scheme: dark)")
    named = [line.split(" {")[0].strip() for line in dark.splitlines() if "#" in line]
    assert named
    assert all(f"{name} {{" in light for name in named)
    assert style.PAGE.light in light
    assert style.PAGE.dark in dark
