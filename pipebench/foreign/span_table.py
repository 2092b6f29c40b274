"""A span table: one row an operation, in CSV.

    step,replica,device,operation,stage,microbatch,start_s,end_s
    0,0,0,F,0,0,0.000,0.063
    0,0,0,SEND_F,0,,0.063,0.064

The columns may stand in any order and among others. ``F`` and ``B`` are forward and backward of one microbatch on one
stage. ``I`` and ``W`` are a backward in halves (gradients of the input, of the weights). All other operations are kept
and shown, and need no microbatch: its cell is empty, or nan. Numbers count from 0; times are seconds on one clock for
all rows of a step.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from functools import lru_cache
from math import isfinite
from pathlib import Path

from pipebench.errors import CorruptRecordError
from pipebench.foreign import files
from pipebench.foreign.rows import COMPUTE, Recording, Row, SourceFile
from pipebench.system import encodings
from pipebench.system.names import as_text

HEADER = ("step", "replica", "device", "operation", "stage", "microbatch", "start_s", "end_s")
_MOST = 10**9  # the largest number in a column that counts
_SHOWN = 40
_MISSING = ("", "nan")  # in the cell of a microbatch; pandas writes either
_LONGEST_S = 1e12  # seconds since 1970 are 1.8e9


def read_tables(paths: Sequence[Path]) -> Recording:
    """Read span tables; several files make one recording.

    Raises:
        UsageError: There is no such file.
        CorruptRecordError: One is no span table; the text says where and what was expected.
    """
    rows: list[Row] = []
    sources: list[SourceFile] = []
    for number, path in enumerate(paths):
        contents = files.read(path)
        name = as_text(str(path))
        found = list(_rows(_lines(contents.document, name), name, number))
        rows += found
        sources.append(SourceFile(name, "spans", contents.sha256, len(found)))
    return Recording(sources, rows)


def _lines(document: bytes, name: str) -> io.StringIO:
    other = encodings.beginning(document)
    if other is not None:
        hint = f": {other.command} makes text of it" if other.command else ": write it as CSV"
        raise CorruptRecordError(f"{name}: expected a span table in CSV, looks like {other.looks}{hint}")
    try:
        return io.StringIO(document.removeprefix(encodings.BOM).decode("utf-8"), newline="")
    except UnicodeDecodeError as error:
        raise CorruptRecordError(
            f"{name}: expected a span table in CSV, found bytes that are no text (at {error.start})"
        ) from None


def _rows(lines: io.StringIO, name: str, file: int) -> Iterator[Row]:
    reader = csv.reader(lines)
    try:
        header = next(reader, [])
        places = _places([each.strip() for each in header], name)
        width = len(header)
        for cells in reader:
            if not cells or not any(cells):
                continue
            if len(cells) != width:
                raise CorruptRecordError(
                    f"{name} line {reader.line_num}: expected {width} cells as in the header, found {len(cells)}"
                )
            yield _Cells([cells[place] for place in places], name, reader.line_num).row(file)
    except csv.Error as error:
        raise CorruptRecordError(f"{name} line {reader.line_num}: not CSV: {error}") from None


def _places(header: Sequence[str], name: str) -> list[int]:
    """The place of each column in a line."""
    missing = [each for each in HEADER if each not in header]
    if not any(header):
        raise CorruptRecordError(
            f"{name}: nothing in its first line: expected a span table with the header {','.join(HEADER)}"
        )
    if missing:
        found = ",".join(header)[:_SHOWN]
        raise CorruptRecordError(
            f"{name}: expected a span table with the header {','.join(HEADER)}, found {found}: "
            f"without {', '.join(missing)}{_hint(found)}"
        )
    twice = next((each for each in HEADER if header.count(each) > 1), None)
    if twice is not None:
        raise CorruptRecordError(
            f"{name}: expected the column {twice} once in the header, found it several times"
        )
    return [header.index(each) for each in HEADER]


def _hint(header: str) -> str:
    """What the file may be instead."""
    if header.startswith(("[", "null")):
        return "; it looks like JSON: a trace of torch.profiler is an object"
    other = next((name for sign, name in ((";", "semicolons"), ("\t", "tabs")) if sign in header), None)
    return f"; it is separated by {other}: write commas" if other else ""


class _Cells:
    """The cells of one line in the order of ``HEADER``."""

    def __init__(self, cells: Sequence[str], name: str, line: int) -> None:
        self.cells, self.name, self.line = cells, name, line

    def row(self, file: int) -> Row:
        """The row that the cells stand for."""
        step, replica, device = self._number(0, lowest=-_MOST), self._number(1), self._number(2)
        operation = _operation(self.cells[3])
        if operation is None:
            raise self._error(3, f"a name of at most {_SHOWN} letters, such as F or OPTIMIZER")
        stage = self._number(4)
        microbatch = None if self.cells[5].strip().lower() in _MISSING else self._number(5)
        if microbatch is None and operation in COMPUTE:
            raise self._error(5, f"the microbatch of {operation}")
        start_s, end_s = self._seconds(6), self._seconds(7)
        if end_s < start_s:
            raise self._error(7, f"an end that is not before the start, {self.cells[6].strip()[:_SHOWN]}")
        return Row(step, replica, device, operation, stage, microbatch, start_s, end_s, file, self.line)

    def _number(self, place: int, *, lowest: int = 0) -> int:
        value = _whole(self.cells[place])
        if value is None or not lowest <= value <= _MOST:
            raise self._error(place, "a whole number" + (" from 0 on" if lowest == 0 else ""))
        return value

    def _seconds(self, place: int) -> float:
        text = self.cells[place].strip()
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not (isfinite(value) and abs(value) <= _LONGEST_S):
            raise self._error(place, "seconds" if not isfinite(value) else "seconds, not smaller units")
        return value

    def _error(self, place: int, expected: str) -> CorruptRecordError:
        found = as_text(self.cells[place].strip())[:_SHOWN]
        return CorruptRecordError(
            f"{self.name} line {self.line}: {HEADER[place]}: expected {expected}, found {found or 'nothing'}"
        )


@lru_cache(maxsize=1 << 14)
def _whole(cell: str) -> int | None:
    """The whole number in a cell, which may have a point; ``None`` if there is none."""
    text = cell.strip()
    try:
        value = int(text) if text.isdecimal() else float(text)
    except ValueError:
        return None
    return int(value) if isfinite(value) and value == int(value) else None


@lru_cache(maxsize=1 << 10)
def _operation(cell: str) -> str | None:
    """The name of an operation; ``None`` if it is none."""
    text = cell.strip()
    if not text or not text.isprintable() or len(text) > _SHOWN:
        return None
    return text.upper() if text.upper() in COMPUTE else text
