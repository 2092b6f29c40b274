from hypothesis import given
from hypothesis import strategies as st

from pipebench.render.svg.words import fitted, width, wrapped


def test_width_goes_by_letters_and_size() -> None:
    assert width("ll", 10) < width("aa", 10) < width("MM", 10) < width("漢字", 10) == 21.0
    assert width("aa", 20) == 2 * width("aa", 10) == 25.6
    assert width("e\u0301", 10) == width("e", 10)


def test_words_that_fit_are_left_as_they_are() -> None:
    assert fitted("LSTM 0", width("LSTM 0", 11), 11) == "LSTM 0"


@given(st.text(max_size=40), st.floats(20, 200))
def test_words_are_cut_to_fit(words: str, room: float) -> None:
    assert width(fitted(words, room, 12), 12) <= room + 1e-6


def test_what_was_cut_says_so() -> None:
    assert fitted("embedding + LSTM 0", 60, 11) == "embedd…"


def test_lines_hold_all_words_in_order() -> None:
    text = "what each of them took is not the same as what all of them took together"
    lines = wrapped(text, 120, 12)
    assert " ".join(lines) == text
    assert all(width(line, 12) <= 120 for line in lines)
    assert len(lines) == 5


def test_the_last_line_that_there_may_be_is_cut() -> None:
    first, second = wrapped("one two three four five six seven", 60, 12, most=2)
    assert first == "one two"
    assert second.startswith("three")
    assert second.endswith("…")


def test_a_word_wider_than_a_line_is_cut() -> None:
    assert wrapped("a" * 100 + " b", 60, 12) == ["aaaaaa…", "b"]


def test_no_words_take_no_line() -> None:
    assert wrapped("", 60, 12) == []
