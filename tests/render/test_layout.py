"""Tables fold, words stay whole, and what cannot be shown is written out before it is measured."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.text import Text

from pipebench.render.layout import Facts, Table, Words, fitting
from tests.builders import PROPERTY


def lines(shown: RenderableType, width: int, encoding: str = "utf-8") -> list[str]:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    Console(file=stream, width=width).print(shown, crop=False)
    data: bytes = stream.buffer.getvalue()  # type: ignore[attr-defined]
    return [line.rstrip() for line in data.decode(encoding).splitlines()]


def verdicts() -> Table:
    table = Table("metric", "A", "change", "verdict", words_last=True)
    table.add("words/s", "1,234", "-1.0 %", "? inconclusive and so on")
    table.add("a metric of many words", "7", "", Text("= same", "green"))
    return table


def test_a_table_is_as_wide_as_it_must_be() -> None:
    assert lines(verdicts(), 80) == [
        "metric                      A  change  verdict",
        "words/s                 1,234  -1.0 %  ? inconclusive and so on",
        "a metric of many words      7          = same",
    ]


def test_what_is_no_name_gives_way_first() -> None:
    table = Table("name", "text", words_last=True)
    table.add("a name of several words", "a text of many words " * 4)
    assert lines(table, 72)[1:] == [
        "a name of several words  a text of many words a text of many words a",
        "                         text of many words a text of many words",
    ]


def test_a_narrow_console_folds_it() -> None:
    assert lines(verdicts(), 20) == [
        *("words/s", "A: 1,234", "change: -1.0 %", "verdict: ?", "  inconclusive and", "  so on", ""),
        *("a metric of many", "  words", "A: 7", "verdict: = same"),
    ]


@pytest.mark.parametrize("width", [72, 80, 200])
def test_a_name_that_is_too_long_folds_it_at_any_width(width: int) -> None:
    table = verdicts()
    table.add("x" * width, "1", "2", "▼ regression")
    assert lines(table, width)[-4:] == ["x" * width, "A: 1", "change: 2", "verdict: ▼ regression"]


def test_a_row_is_named_by_what_stands_above_where_nothing_stands() -> None:
    table = Table("metric", "record", "value", left=2, names=2)
    table.add("step", "A gpipe", "1 s")
    table.add("", "B 1f1b", "2 s")
    assert lines(table, 40) == ["step: A gpipe", "value: 1 s", "", "step: B 1f1b", "value: 2 s"]


def test_a_number_says_of_what_and_a_header_that_does_not_fit_is_left_out() -> None:
    table = Table("device", "layers", "words/s", "", left=2, names=2, words_last=True)
    table.add("0", "LSTM 0", "7", "fast")
    table.add("speed-up", "", "3x", "", titled=False)
    assert lines(table, 40) == ["device 0: LSTM 0", "words/s: 7", "fast", "", "speed-up: LSTM 0", "3x"]


def test_facts_stand_under_themselves_or_run_together() -> None:
    facts = Facts(("name", "of some words " * 7), ("a longer name", "y"), ("path", "x" * 75))
    assert lines(facts, 72) == [
        "name           of some words of some words of some words of some words",
        "               of some words of some words of some words",
        "a longer name  y",
        "path",
        "x" * 75,
    ]
    assert lines(Facts(("name", "of some words"), ("", "-> go on")), 12) == [
        "name  of",
        "  some words",
        "  -> go on",
    ]


def test_a_text_that_must_not_wrap_stays_on_one_line() -> None:
    command = Text("a command " * 9 + "ends", no_wrap=True)
    facts = Facts(("name", "of some words " * 7), ("", command), ("what", command))
    assert lines(facts, 80)[-2:] == [f"      {command.plain}", f"what  {command.plain}"]
    assert lines(facts, 40)[-3:] == [f"  {command.plain}", "what", command.plain]
    assert lines(Words(command), 20) == [command.plain]


def test_a_row_that_stands_apart_widens_no_column() -> None:
    table = Table("name", "one", "two", left=3)
    table.add("a name", "1", "2")
    table.add("a name of many letters", "three letters", "4", apart=True)
    table.add("x" * 70, "5" * 40, "6" * 28, apart=True)
    assert lines(table, 72) == [
        *("name    one  two", "a name  1    2"),
        *("a name of many letters", "        three letters  4"),
        *("x" * 70, f"  {'5' * 40}  {'6' * 28}"),
    ]
    assert lines(table, 40)[4:7] == ["a name of many letters", "one: three letters", "two: 4"]


def test_wide_letters_count_twice() -> None:
    table = Table("name", "n")
    table.add("天地", "1")
    table.add("abcd", "22")
    assert lines(table, 80) == ["name   n", "天地   1", "abcd  22"]


def test_what_cannot_be_shown_is_written_out_before_it_is_measured() -> None:
    table = Table("name", "n")
    table.add(Text("é天", "bold"), "1")
    assert lines(table, 80, "latin-1") == ["name     n", r"é\u5929  1"]
    assert lines(table, 80, "ascii") == ["name        n", r"\xe9\u5929  1"]
    assert lines(Words("od\udcff"), 80) == [r"od\xff"]
    assert lines(Words(Text("lone \ud800")), 80) == [r"lone \ud800"]


@PROPERTY
@given(
    st.lists(st.text(alphabet="ab天 ", min_size=1, max_size=30), min_size=3, max_size=9),
    st.integers(20, 120),
)
def test_every_word_is_there_and_no_line_too_wide(texts: list[str], width: int) -> None:
    table = Table("one", "two", "three", left=1, words_last=True)
    for start in range(0, len(texts) - 2, 3):
        table.add(*texts[start : start + 3])
    facts = Facts(*((f"name {number}", text) for number, text in enumerate(texts)))
    for shown in (table, facts, *map(Words, texts)):
        found = lines(shown, width)
        assert all(cell_len(line) <= width or len(line.split()) == 1 for line in found)
        if not isinstance(shown, Table):
            whole = (
                " ".join(f"name {n} {text}" for n, text in enumerate(texts))
                if shown is facts
                else shown.text.plain
            )  # type: ignore[union-attr]
            assert " ".join(found).split() == whole.split()
    used = texts[: len(texts) // 3 * 3]
    assert {word for text in used for word in text.split()} <= set(" ".join(lines(table, width)).split())


def test_the_first_form_that_fits_is_taken_as_it_is_seen() -> None:
    forms = ("a long line of words", "a line é", "é")
    console = Console(file=io.StringIO(), width=80)
    assert [fitting(console, room, forms) for room in (20, 8, 7, 0)] == [*forms, forms[-1]]
    ascii_ = Console(file=io.TextIOWrapper(io.BytesIO(), encoding="ascii"), width=80)
    assert fitting(ascii_, 8, forms) == forms[-1]
