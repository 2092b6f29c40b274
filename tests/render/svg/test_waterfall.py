from math import log

import pytest

from pipebench.records.explanation import WaterfallStep
from pipebench.render.svg.frame import Heading
from pipebench.render.svg.waterfall import waterfall_svg
from tests.render.svg.drawn import assert_words_keep_apart, elements, rects, root_of, words

HEADING = Heading("from 8 devices to 3x", "virtual time", "gpipe")
STEPS = (
    WaterfallStep("devices", 8.0, "8 devices"),
    WaterfallStep("overlap", 0.5, "fill, drain and waiting", "--microbatches 32", 1.2),
    WaterfallStep("caches", 1.5, "small slices"),
    WaterfallStep("unexplained", 0.5, ""),
)


def test_the_speed_up_after_each_step_is_told() -> None:
    document = waterfall_svg(STEPS, HEADING)
    assert words(document, "name") == ["devices", "overlap", "caches", "unexplained", "speed-up"]
    assert words(document, "factor") == ["x 0.50", "x 1.50", "x 0.50"]
    assert words(document, "after") == ["8.00x", "4.00x", "6.00x", "3.00x", "3.00x"]
    assert words(document, "evidence") == ["virtual time"]


def test_bars_reach_as_far_as_the_speed_up_on_a_logarithmic_scale() -> None:
    document = waterfall_svg(STEPS, HEADING)
    _, *bars = rects(document, "running")  # without the legend's
    left = bars[0].left
    octave = (bars[0].right - left) / 3  # from 1x to 8x
    assert {bar.left for bar in bars} == {left}
    values = [8, 4, 4, 3, 3]  # what is left where something is lost, what was there where something is won
    assert [bar.right - left for bar in bars] == pytest.approx([octave * log(v, 2) for v in values], abs=0.02)


def test_the_piece_that_a_step_takes_or_adds_is_drawn_in_its_own_way() -> None:
    document = waterfall_svg(STEPS, HEADING)
    pieces = rects(document, "piece")
    assert [each.get("class") for each in elements(document, "rect", "piece")] == [
        "lost piece",
        "won piece",
        "unexplained piece",
    ]
    octave = (rects(document, "running")[1].right - pieces[0].left) * 1.0  # half of 8x is one
    assert [box.right - box.left for box in pieces] == pytest.approx(
        [octave, octave * log(1.5, 2), octave], abs=0.03
    )
    assert words(document, "legend") == ["speed-up so far", "lost", "won", "unexplained"]


def test_a_step_without_effect_has_no_piece() -> None:
    document = waterfall_svg([STEPS[0], WaterfallStep("transfer", 1.0, "messages")], HEADING)
    assert rects(document, "piece") == []
    assert words(document, "after") == ["8.00x"] * 3


def test_a_pipeline_slower_than_one_device_has_bars_too() -> None:
    document = waterfall_svg([WaterfallStep("devices", 2.0, ""), WaterfallStep("work", 0.3, "")], HEADING)
    assert words(document, "tick") == ["0.5x", "1x", "2x"]
    assert all(box.right > box.left for box in rects(document, "running"))


def test_one_device_alone() -> None:
    document = waterfall_svg([WaterfallStep("devices", 1.0, "")], HEADING)
    assert words(document, "after") == ["1.00x", "1.00x"]
    assert words(document, "tick") == ["0.5x", "1x"]
    assert all(box.right > box.left for box in rects(document, "running"))
    assert_words_keep_apart(document)


def test_remedies_stand_below_what_they_are_for() -> None:
    found = words(waterfall_svg(STEPS, HEADING))
    place = found.index("fill, drain and waiting")
    assert found[place + 1] == "→ --microbatches 32"


def test_each_step_is_told_in_words() -> None:
    document = waterfall_svg(STEPS, HEADING)
    assert [row[0].text for row in elements(document, "g", "row")][:2] == [
        "devices = 8x: 8 devices",
        "overlap x 0.5 = 4x: fill, drain and waiting; --microbatches 32",
    ]
    description = root_of(document)[1].text or ""
    assert "times 0.50 for overlap (fill, drain and waiting): 4.00x" in description
    assert description.endswith("Speed-up 3.00x, virtual time.")


@pytest.mark.parametrize(
    "words_",
    ["", "W" * 200, "many words of all sorts " * 30, "漢" * 100, "\x1b\x00<&\ud800"],
    ids=["none", "wide", "many", "Chinese", "hostile"],
)
@pytest.mark.parametrize("factors", [(1024.0, 0.001, 900.0), (2.0, 1e-6, 1.0), (8.0, 0.999, 0.999)])
def test_words_keep_apart(words_: str, factors: tuple[float, ...]) -> None:
    steps = [WaterfallStep(words_ or "step", factor, words_, words_ or None, 1.5) for factor in factors]
    document = waterfall_svg(steps, Heading(words_, "wall clock, cores shared", words_), [words_])
    assert_words_keep_apart(document)


def test_the_same_steps_make_the_same_bytes() -> None:
    assert waterfall_svg(STEPS, HEADING) == waterfall_svg(STEPS, HEADING)
