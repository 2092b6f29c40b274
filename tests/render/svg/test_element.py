import pytest

from pipebench.render.svg.element import Point, add, document, number, picture, write
from tests.render.svg.drawn import elements, root_of, words

HOSTILE = "<script>&\"'\x00\x1b[31m\u202e\ud800\ufffe\u2028]]>"


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.0, "3"), (12.5, "12.5"), (0.126, "0.13"), (-0.001, "0"), (100.0, "100"), (1 / 3, "0.33"), (7, "7")],
)
def test_numbers_have_two_decimals_at_most(value: float, text: str) -> None:
    assert number(value) == text


def test_a_picture_is_an_image_with_a_title_and_a_description() -> None:
    root = root_of(document(picture("A title", "In words.", name="x"), width=10, height=20))
    ids = root.get("aria-labelledby", "").split()
    texts = {each.get("id"): each.text for each in root.iter() if each.get("id")}
    assert root.get("role") == "img"
    assert [texts[each] for each in ids] == ["A title", "In words."]
    assert (root.get("viewBox"), root.get("width"), root.get("height")) == ("0 0 10 20", "10", "20")


def test_words_are_good_xml_whatever_they_hold() -> None:
    root = picture(HOSTILE, HOSTILE, name="x")
    write(root, Point(1, 2), HOSTILE)
    add(root, "g", id=HOSTILE)
    text = document(root, width=1, height=1)
    text.encode()
    assert words(text) == [r"""<script>&"'\x00\x1b[31m\u202e\ud800\ufffe\u2028]]>"""]
    assert not elements(text, "script")


def test_names_of_attributes_are_those_of_svg() -> None:
    root = picture("", "", name="x")
    add(root, "text", class_="small", text_anchor="end", x=1.0)
    (found,) = elements(document(root, width=1, height=1), "text")
    assert found.attrib == {"class": "small", "text-anchor": "end", "x": "1"}


def test_nothing_runs_and_nothing_is_loaded() -> None:
    text = document(picture("", "", name="x"), width=1, height=1)
    assert text.count("http") == 1  # the name of the format
    assert text.count("url(") == text.count("url(#x-") > 0
    for never in ("<script", "@import", "href", "<image", "onload"):
        assert never not in text
