"""Comparisons in every format, hostile ones among them."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from pipebench.comparison.compare import Rules, compare
from pipebench.comparison.run_fields import HARD
from pipebench.records.comparison import ComparisonRecord
from pipebench.records.run import RunRecord
from pipebench.records.selection import Source
from pipebench.render.comparison import github, junit, markdown, page, spreadsheet
from pipebench.render.comparison.terminal import comparison_report
from tests.hostile import friendly_record_of, hostile_record

RAN = junit.Ran(datetime(2026, 11, 27, 8, 0, tzinfo=UTC), 1.5, "a-host")


def in_junit(record: ComparisonRecord) -> str:
    return junit.junit(record, RAN)


def in_terminal(record: ComparisonRecord, **options: object) -> str:
    console = Console(file=io.StringIO(), **({"width": 300} | options))
    console.print(comparison_report(record, console), crop=False)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


FORMATS: dict[str, Callable[[ComparisonRecord], str]] = {
    "terminal": in_terminal,
    "markdown": markdown.markdown,
    "page": page.page,
    "spreadsheet": spreadsheet.spreadsheet,
    "junit": in_junit,
    "github": github.annotations,
}


def compared(*records: RunRecord, **rules: object) -> ComparisonRecord:
    return compare([Source(record, Path(f"{n}.json")) for n, record in enumerate(records)], Rules(**rules))


def attacked(**rules: object) -> ComparisonRecord:
    hostile = hostile_record(1.1)
    return compared(friendly_record_of(hostile), hostile, **rules)


ALL_ALLOWED = frozenset(HARD)
