import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.render.inert import inert
from tests.builders import PROPERTY
from tests.hostile import HOSTILE


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("gpipe 16 x 1, naïve 中文 é", "gpipe 16 x 1, naïve 中文 é"),
        ("\x1b[31m", r"\x1b[31m"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\u202eabc\u200b", r"\u202eabc\u200b"),
        ("\ud800", r"\ud800"),
        ("\U000e0001", r"\U000e0001"),
        ("::error::x", ": :error: :x"),
        (":::x::::", ": : :x: : : :"),
        ("##[error]x", "## [error]x"),
    ],
)
def test_what_is_not_seen_is_written_out(text: str, shown: str) -> None:
    assert inert(text) == shown


@PROPERTY
@given(st.text() | st.sampled_from(sorted(HOSTILE.values())))
def test_the_text_is_one_printable_line_without_commands(text: str) -> None:
    shown = inert(text)
    assert shown.isprintable()
    assert "::" not in shown
    assert "##[" not in shown
    assert inert(shown) == shown


@PROPERTY
@given(
    st.text(
        alphabet=st.characters(
            categories=("L", "N", "P", "S"), include_characters=" ", exclude_characters=":#"
        )
    )
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert inert(text) == text
