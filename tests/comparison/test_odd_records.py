"""Whatever a file holds, it is compared and written, or refused with a line; it never ends in a bug."""

import copy
import io
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pipebench.comparison.compare import Rules, compare
from pipebench.comparison.history import history
from pipebench.comparison.run_fields import HARD
from pipebench.errors import CorruptRecordError
from pipebench.records import documents
from pipebench.records.comparison import ComparisonRecord
from pipebench.records.run import RunRecord
from pipebench.records.selection import Source
from pipebench.render.brief import brief_report
from pipebench.render.comparison import github, junit, markdown, page, spreadsheet
from pipebench.render.comparison.terminal import comparison_report
from pipebench.render.history import history_report
from pipebench.render.report import run_report
from pipebench.render.tables import record_row, record_table
from tests.builders import own_record, steady_record, with_config

ODD = (None, 0, -1, 1, 2, 10**30, 10**400, 0.5, 5e-324, 1e308, -1e308, "", "\x00\n::", [], [1], {}, True)


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in a document; of a list the first item stands for all."""
    if path:
        yield path
    items = (
        value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    )
    for key, item in items:
        yield from places(item, (*path, key))


def changed(document: Any, path: tuple[str | int, ...], value: object) -> bytes:
    result = copy.deepcopy(document)
    part = result
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    return json.dumps(result).encode()


def in_junit(record: ComparisonRecord) -> str:
    return junit.junit(record, junit.Ran(datetime(2026, 11, 27, tzinfo=UTC), 1.5, "a-host"))


def in_terminal(record: ComparisonRecord) -> None:
    console = Console(file=io.StringIO(), width=80)
    console.print(comparison_report(record, console))


def shown(record: RunRecord) -> None:
    console = Console(file=io.StringIO(), width=80)
    for report in (brief_report, run_report):
        with suppress(CorruptRecordError):  # a timeline of another plan
            console.print(report(record, console))
    console.print(record_table([record_row(Path("x"), record)], width=80))
    console.print(history_report(history([record]), console))


WRITERS: tuple[Callable[[ComparisonRecord], object], ...] = (
    *(in_terminal, markdown.markdown, page.page, spreadsheet.spreadsheet, in_junit, github.annotations),
    *(documents.encode,),
)

SMALL = json.loads(documents.encode(steady_record()))
SMALL["timeline"]["transfers"] = SMALL["timeline"]["transfers"][:1]
SHARED = json.loads(documents.encode(with_config(steady_record(), softmax_devices="all")))
OWN = json.loads(documents.encode(own_record(devices=2)))
OWN["timeline"]["transfers"] = OWN["timeline"]["transfers"][:1]


def changeable(document: Any) -> list[tuple[str | int, ...]]:
    return [path for path in places(document) if path[0] not in {"schema", "kind"}]


@pytest.mark.parametrize("place", changeable(SMALL), ids=str)
def test_an_odd_value_anywhere_is_compared_or_refused(place: tuple[str | int, ...]) -> None:
    compared_or_refused(SMALL, place)


@pytest.mark.parametrize(
    "place",
    [each for each in changeable(OWN) if each[0] in {"config", "baseline", "pipeline", "verification"}],
    ids=str,
)
def test_an_odd_value_anywhere_in_a_record_of_an_own_model_is_compared_or_refused(
    place: tuple[str | int, ...],
) -> None:
    compared_or_refused(OWN, place)


@pytest.mark.parametrize("shared", ["all", 1])
@pytest.mark.parametrize(
    "place", [each for each in changeable(SHARED) if each[0] in {"config", "timeline", "devices"}], ids=str
)
def test_an_odd_value_anywhere_in_a_record_with_a_shared_softmax_is_compared_or_refused(
    place: tuple[str | int, ...], shared: object
) -> None:
    document = copy.deepcopy(SHARED)
    document["config"]["softmax_devices"] = shared
    compared_or_refused(document, place)


def compared_or_refused(document: Any, place: tuple[str | int, ...]) -> None:
    reference = documents.decode(json.dumps(document).encode(), "reference")
    assert isinstance(reference, RunRecord)
    compared = refused = 0
    for value in ODD:
        try:
            odd = documents.decode(changed(document, place, value), "odd")
            assert isinstance(odd, RunRecord)
            for pair in ((reference, odd), (odd, reference), (odd, odd)):
                record = compare([Source(each, Path("x")) for each in pair], Rules(allowed=frozenset(HARD)))
        except CorruptRecordError:
            refused += 1
            continue
        compared += 1
        shown(odd)
        for write in WRITERS:
            write(record)
    assert compared + refused == len(ODD)
