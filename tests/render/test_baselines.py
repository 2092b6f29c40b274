import io
import json
from pathlib import Path

from rich.console import Console, RenderableType

from pipebench.comparison.baselines import key_of
from pipebench.records.baseline import BaselineRecord, Replaced
from pipebench.render.baselines import baseline_report, baseline_table, listing
from tests.hostile import HOSTILE, hostile_record


def found() -> list[tuple[Path, BaselineRecord]]:
    record = hostile_record()
    saved = BaselineRecord(
        name="main",
        saved="2026-11-24T00:00:00+00:00",
        reason=HOSTILE["control"] + HOSTILE["markup"],
        key=key_of(record),
        record=record,
        replaced=[Replaced("older", "2026-11-23", HOSTILE["command"])],
        sha256="0" * 64,
    )
    return [(Path("results/baselines/main/x.json"), saved)]


def text_of(shown: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=3000)
    console.print(shown)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_tables_and_reports_hold_what_is_stored_and_obey_none_of_it() -> None:
    for text in (text_of(baseline_table(found())), text_of(baseline_report(found()))):
        assert "[bold red]loud[/bold red]" in text
        assert all(line.isprintable() for line in text.splitlines())
        assert not any(line.lstrip().startswith("::") for line in text.splitlines())


def test_a_report_names_what_was_replaced_and_what_must_match() -> None:
    text = text_of(baseline_report(found()))
    assert "before  older, saved 2026-11-23" in text
    assert "hidden 32" in text


def test_a_listing_is_json() -> None:
    (line,) = json.loads(listing(found()))
    assert line["path"] == "results/baselines/main/x.json"
    assert line["replaced"][0]["id"] == "older"
