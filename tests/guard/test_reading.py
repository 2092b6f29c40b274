"""Lines of an output to values, whatever the output is."""

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.errors import RunFailedError, UsageError
from pipebench.guard.reading import (
    MISSING,
    MOST_OF_A_LINE,
    MOST_VALUES,
    Reader,
    as_number,
    object_at_the_end,
    value_at,
)

VALUES = st.floats(min_value=1e-9, max_value=1e9)
NOISE = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])).filter(
    lambda text: "step_s" not in text
)


def read(output: bytes, field: str = "step_s", piece: int = 1 << 16) -> Reader:
    reader = Reader(field)
    for start in range(0, len(output), piece):
        reader.feed(output[start : start + piece])
    reader.end()
    return reader


@given(st.lists(st.tuples(NOISE, st.none() | VALUES)), st.integers(1, 40))
def test_every_value_is_found_once_and_in_order_however_the_output_is_cut(
    lines: list[tuple[str, float | None]], piece: int
) -> None:
    """Braces of the text before are more than one tries for in no case here."""
    told = [
        text.replace("{", "(") + ("" if value is None else json.dumps({"n": 1, "step_s": value}))
        for text, value in lines
    ]
    found = read("\n".join(told).encode(), piece=piece)
    assert found.values == [value for _, value in lines if value is not None]
    assert found.lines == sum(bool(line.encode().strip()) for line in told)


@given(st.binary())
def test_bytes_of_any_kind_do_no_harm(output: bytes) -> None:
    assert read(output).values == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('{"step_s": 0.5}', [0.5]),
        ('[rank0]: {"step_s": 0.5}  ', [0.5]),
        ('\x1b[32mINFO\x1b[0m {x} | {"step_s": 2}', [2.0]),
        ('  5%|# | 1/20\r{"step_s": 0.5}\r', [0.5]),
        ('{"step_s": 0.5} and more', []),
        ('{"outer": {"step_s": 0.5}}', []),
        ('{"step_s": 0.5', []),
        ('["step_s", {"a": 1}]', []),
        ("[" * 100_000 + '{"a":' * 100_000 + "}" * 100_000, []),
        ('{"step_s": 0.5, "seed": ' + "9" * 5000 + "}", [0.5]),
        ('\x1b[32m{"step_s": 0.5}\x1b[0m', [0.5]),
        ('{"step_s": 0.5}\x1b(B\x1b[m  \x1b[K \r\x1b[?25h\r\n', [0.5]),
        ('{"step_s": 0.5}\x1b[32m more', []),
        ('{"step_s": 0.5}\x1b', []),
    ],
)
def test_a_line_counts_if_it_ends_in_an_object_with_the_key(line: str, found: list[float]) -> None:
    assert read(line.encode()).values == found


def test_a_field_is_a_key_or_a_path_of_keys() -> None:
    assert read(b'{"train": {"step_s": 0.5}}', "train.step_s").values == [0.5]
    assert read(b'{"train.step_s": 0.5}', "train.step_s").values == [0.5]
    assert read(b'{"train": 0.5}', "train.step_s").values == []
    assert value_at({"a": {"b": None}}, "a.b") is None
    assert value_at({"a": {"b": None}}, "a.c") is MISSING
    assert value_at({"a.": 1}, "a.b") is MISSING


@pytest.mark.parametrize(
    "found", [{"a.b.c": 1}, {"a": {"b": {"c": 1}}}, {"a.b": {"c": 1}}, {"a": {"b.c": 1}, "a.b": {"x": 2}}]
)
def test_dots_stand_between_keys_or_in_them(found: dict[str, object]) -> None:
    assert value_at(found, "a.b.c") == 1


def test_the_keys_that_are_told_can_be_asked_for() -> None:
    with pytest.raises(UsageError, match=r"with the keys a\.b\.c, d\.e$"):
        read(b'{"a.b": {"c": 1}, "d": {"e": 1}}', "x").check(0)
    assert value_at({"a.b": {"c": 1}}, "a.b.c") == 1
    assert read(b'{"a":' * 100_000 + b"1" + b"}" * 100_000).values == []


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_not_finite_ends_the_launch(value: str) -> None:
    with pytest.raises(RunFailedError, match=r"step_s is (NaN|infinite)"):
        read(f'{{"step_s": {value}}}'.encode())


def test_numbers_are_no_truths() -> None:
    assert [as_number(value) for value in (True, False, None, "1", [1])] == [None] * 5
    assert as_number(3) == 3.0


@pytest.mark.parametrize(
    ("output", "skip", "words"),
    [
        (b"", 1, r'expected lines such as {"step_s": 0.123} on stdout, found 0 lines, none of which'),
        (b"epoch 1\nepoch 2\n", 1, "found 2 lines, none of which ends in a JSON object"),
        (b'{"loss": 1, "t": {"step": 2}}\n', 1, "found 1 line with the keys loss, t.step"),
        (b"{}\n", 0, "found 1 line with the keys of empty objects"),
        (
            b'{"step_s": "fast"}\n',
            0,
            r'of 1 line with it 1 cannot be used \(1 x text\); the first is "fast" in line 1:',
        ),
        (b'{"step_s": 1}\n', 1, r"expected more than 1 lines with step_s.*found 1: .* --skip 0"),
    ],
)
def test_what_is_not_enough_is_told_with_what_was_found(output: bytes, skip: int, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read(output).check(skip)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("0", "0"),
        ("0.0", "0"),
        ("-1.5", "negative"),
        ('"0.5"', "text"),
        ("true", "true or false"),
        ("null", "null"),
        ("[0.5]", "lists"),
        ("{}", "objects"),
        ("1e300", "too large"),
        ("1e-300", "too small"),
        ("1" + "0" * 400, "too large"),
        ("9" * 5000, "too large"),
        ("-" + "9" * 5000, "negative"),
    ],
)
def test_a_value_that_is_there_and_cannot_be_used_is_told(value: str, kind: str) -> None:
    lines = [
        '{"step_s": 1}',
        '{"loss": 1}',
        f'{{"step_s": {value}}}',
        '{"step_s": 2}',
        f'{{"step_s": {value}}}',
    ]
    with pytest.raises(
        UsageError, match=rf"of 4 lines with it 2 cannot be used \(2 x {kind}\); .* in line 3: "
    ) as error:
        read("\n".join(lines).encode()).check(0)
    assert len(str(error.value)) < 300


def test_values_that_cannot_be_used_are_told_by_kind() -> None:
    with pytest.raises(
        UsageError, match=r"3 cannot be used \(2 x null, 1 x negative\); the first is null in line 1"
    ):
        read(b'{"step_s": null}\n{"step_s": -1}\n{"step_s": 5}\n{"step_s": null}').check(0)


def test_enough_is_one_more_than_is_left_out() -> None:
    read(b'{"step_s": 1}\n').check(0)
    read(b'{"step_s": 1}\n{"step_s": 1}').check(1)


def test_the_keys_that_are_told_are_few() -> None:
    output = "\n".join(json.dumps({f"k{n}-{m}": 1 for m in range(15)}) for n in range(1000))
    with pytest.raises(UsageError) as error:
        read(output.encode()).check(0)
    assert str(error.value).count("k") < 25


def test_more_values_than_a_record_may_hold_are_refused() -> None:
    reader = Reader("step_s")
    reader.values = [1.0] * MOST_VALUES
    with pytest.raises(UsageError, match="100,000 lines"):
        reader.feed(b'{"step_s": 1}\n')


def test_a_line_without_an_end_and_many_lines_take_no_memory() -> None:
    reader, piece, lines = Reader("step_s"), b"x{" * (1 << 15), b"step 1 of 10, loss 0.5\n" * 2800
    tracemalloc.start()
    for _ in range(1000):
        reader.feed(piece)
    _, endless = tracemalloc.get_traced_memory()
    reader.feed(b'\n{"step_s": 1}\n')
    for _ in range(20):
        reader.feed(lines)
    _, many = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert max(endless, many) < 8 * MOST_OF_A_LINE
    assert reader.values == [1.0]


def test_an_object_is_looked_for_behind_a_few_braces_only() -> None:
    assert object_at_the_end(b'{{{{{ {"a": 1}') == {"a": 1}
    assert object_at_the_end(b"{" * 100 + b'{"a": 1}') is None
