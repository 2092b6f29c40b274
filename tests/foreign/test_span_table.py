from pathlib import Path

import pytest

from pipebench.errors import CorruptRecordError
from pipebench.foreign.rows import Row
from pipebench.foreign.span_table import HEADER, read_tables
from tests.foreign.tables import rows_of, text_of, timeline, written

GOOD = "0,0,0,F,0,0,0.0,0.5\n"


def rows(tmp_path: Path, text: str | bytes) -> list[Row]:
    path = tmp_path / "spans.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read_tables([path]).rows)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    written_rows = rows_of(timeline(), number=3, begin_s=1.7e9)
    found = read_tables(
        [written(tmp_path / "a.csv", written_rows), written(tmp_path / "b.csv.gz", written_rows)]
    )
    assert [row._replace(file=0, number=0) for row in found.rows] == written_rows * 2
    assert [row.number for row in found.rows[:2]] == [2, 3]
    assert [(each.kind, each.rows) for each in found.files] == [("spans", len(written_rows))] * 2
    assert found.files[0].sha256 == found.files[1].sha256  # packed or not
    assert found.place(found.rows[-1]) == f"{tmp_path / 'b.csv.gz'} line {len(written_rows) + 1} (0B3)"


def test_columns_in_another_order_among_others_and_lines_of_any_kind(tmp_path: Path) -> None:
    header = ["note", *reversed(HEADER)]
    text = text_of(rows_of(timeline(stages=2)), [*reversed(HEADER)])
    lines = [f'"a, b",{line}' if number else f"note,{line}" for number, line in enumerate(text.splitlines())]
    found = rows(tmp_path, b"\xef\xbb\xbf" + "\r\n\r\n".join(lines).encode())
    assert [row._replace(number=0) for row in found] == rows_of(timeline(stages=2))
    assert len(header) == 9


def test_other_operations_need_no_microbatch_and_whole_numbers_may_have_a_point(tmp_path: Path) -> None:
    text = ",".join(HEADER) + "\n-5,0.0,1, OPTIMIZER ,1,,-1e-3,2\n7,0,1,b,1,3.0,0,2\n"
    first, second = rows(tmp_path, text)
    assert first[:8] == (-5, 0, 1, "OPTIMIZER", 1, None, -1e-3, 2.0)
    assert second[:8] == (7, 0, 1, "B", 1, 3, 0.0, 2.0)


@pytest.mark.parametrize("cell", ["", " ", "nan", "NaN"])
def test_a_microbatch_that_is_missing_is_written_in_two_ways(tmp_path: Path, cell: str) -> None:
    """pandas makes numbers with a point of a column with a missing one, and writes it as nan if it is told to."""
    text = f"{','.join(HEADER)}\n0,0,0,F,0,1.0,0,1\n0,0,0,SEND_F,0,{cell},1,2\n"
    assert [row.microbatch for row in rows(tmp_path, text)] == [1, None]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("0,0,0,F,0,0,0.0", "line 3: expected 8 cells as in the header, found 7"),
        (
            "0,0,0,F,0,0,0.5,0.4",
            "line 3: end_s: expected an end that is not before the start, 0.5, found 0.4",
        ),
        ("0,0,0,F,0,0,nan,0.4", "line 3: start_s: expected seconds, found nan"),
        ("0,0,0,F,0,0,0,inf", "line 3: end_s: expected seconds, found inf"),
        ("0,0,0,F,0,0,0,soon", "line 3: end_s: expected seconds, found soon"),
        ("0,0,0,F,0,,0,1", "line 3: microbatch: expected the microbatch of F, found nothing"),
        ("0,0,0,F,0,nan,0,1", "line 3: microbatch: expected the microbatch of F, found nan"),
        ("0,0,0,SEND_F,0,none,0,1", "line 3: microbatch: expected a whole number from 0 on, found none"),
        ("0,0,0,SEND_F,nan,0,0,1", "line 3: stage: expected a whole number from 0 on, found nan"),
        ("0,0,0,F,1.5,0,0,1", "line 3: stage: expected a whole number from 0 on, found 1.5"),
        ("0,0,-1,F,1,0,0,1", "line 3: device: expected a whole number from 0 on, found -1"),
        ("0,0,0,F,1e300,0,0,1", "line 3: stage: expected a whole number"),
        ("one,0,0,F,0,0,0,1", "line 3: step: expected a whole number, found one"),
        ("0,0,0,,0,0,0,1", "line 3: operation: expected a name"),
        ("0,0,0,\x1b[31m,0,0,0,1", "line 3: operation: expected a name"),
        (f"0,0,0,{'x' * 200000},0,0,0,1", "not CSV"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, line: str, why: str) -> None:
    with pytest.raises(CorruptRecordError) as refused:
        rows(tmp_path, f"{','.join(HEADER)}\n{GOOD}{line}\n{GOOD}")
    assert why in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b"", "nothing in its first line: expected a span table with the header step,"),
        (",".join(HEADER).replace(",", ";").encode(), "it is separated by semicolons: write commas"),
        (b"[{}]", "it looks like JSON"),
        (b"step,replica,device\n", "without operation, stage, microbatch, start_s, end_s"),
        ((",".join(HEADER) + ",step\n").encode(), "the column step once"),
        (b"\xff\xfe\x00", "looks like"),
        (b"step\x80", "bytes that are no text"),
        (b"PK\x03\x04", "looks like"),
    ],
)
def test_what_is_no_span_table_is_told_as_what_it_is(tmp_path: Path, document: bytes, why: str) -> None:
    with pytest.raises(CorruptRecordError) as refused:
        rows(tmp_path, document)
    assert why in str(refused.value)
