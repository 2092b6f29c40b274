import locale

import pytest

from pipebench.render.comparison.readers import MOST_OF_A_LEVEL, decimal_point, encodable, misreadings


def said(form: str, text: str, encoding: str = "utf-8", point: str = ".") -> list[str]:
    return list(misreadings(form, text, encoding=encoding, decimal_point=point))


@pytest.mark.parametrize("form", ["html", "junit"])
def test_what_says_that_it_is_utf_8_is_that_or_ascii(form: str) -> None:
    assert encodable(form, "<a>▼ é</a>", "UTF-8") == "<a>▼ é</a>"
    assert encodable(form, "<a>▼ é</a>", "latin-1") == "<a>&#9660; &#233;</a>"


@pytest.mark.parametrize("form", ["md", "csv", "github"])
def test_what_says_nothing_of_its_encoding_is_left_as_it_is(form: str) -> None:
    assert encodable(form, "▼ é", "latin-1") == "▼ é"


def test_a_spreadsheet_is_told_of_utf_8_only_where_it_makes_a_difference() -> None:
    (line,) = said("csv", '"é"\n')
    assert "byte order mark" in line
    assert said("csv", '"e"\n') == said("csv", '"é"\n', encoding="latin-1") == said("md", "é") == []


def test_a_decimal_comma_is_told_of() -> None:
    (line,) = said("csv", "0.5\n", point=",")
    assert "decimal commas" in line
    assert said("md", "0.5\n", point=",") == []


def test_the_decimal_point_is_the_locale_s_and_the_locale_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    before = locale.setlocale(locale.LC_NUMERIC)
    monkeypatch.setattr(locale, "localeconv", lambda: {"decimal_point": ","})
    monkeypatch.setenv("LC_ALL", "C")
    assert decimal_point() == ","
    monkeypatch.setenv("LC_ALL", "xx_XX.none")
    assert decimal_point() == "."
    assert locale.setlocale(locale.LC_NUMERIC) == before


@pytest.mark.parametrize("level", ["error", "warning", "notice"])
def test_annotations_that_github_drops_are_told_of(level: str) -> None:
    line = f"::{level} title=x::y\n"
    assert said("github", line * MOST_OF_A_LEVEL) == []
    (told,) = said("github", line * 11)
    assert f"11 {level}s" in told
    assert said("junit", line * 11) == []
