"""What every format has in common: it says all there is to say, and what a record holds does nothing in it."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest
from jinja2 import UndefinedError
from rich.console import Console

from pipebench.comparison.compare import Rules, compare
from pipebench.comparison.run_fields import HARD
from pipebench.records.comparison import ComparisonRecord
from pipebench.records.run import RunRecord
from pipebench.records.selection import Source
from pipebench.render.comparison import github, junit, markdown, page, spreadsheet
from pipebench.render.comparison.terminal import comparison_report
from tests.builders import friendly_record_of, hostile_record, steady_record, with_config

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


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_the_verdict_in_words(name: str) -> None:
    text = FORMATS[name](compared(steady_record(), steady_record(1.1)))
    assert "regression" in text


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_repeats_what_was_let_pass(name: str) -> None:
    record = steady_record()
    text = FORMATS[name](
        compared(record, with_config(record, hidden=77), allowed=frozenset({"config.hidden"}))
    )
    assert "allowed" in text
    assert "config.hidden" in text
    assert "77" in text


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_names_what_differs_and_what_drifted(name: str) -> None:
    record = steady_record()
    other = with_config(steady_record(environment={"python": "3.12.1"}), hidden=77)
    text = FORMATS[name](compared(record, other))
    assert "incomparable" in text
    assert "config.hidden" in text
    assert "3.12.1" in text


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_warns_of_a_summary_that_contradicts_its_samples(name: str) -> None:
    record = steady_record()
    lying = steady_record(1.1, speedup=record.speedup)
    assert "contradiction" in FORMATS[name](compared(record, lying))


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_takes_any_number_of_records(name: str) -> None:
    text = FORMATS[name](compared(*(steady_record(factor) for factor in (1.0, 1.1, 0.9))))
    assert "regression" in text
    assert "improvement" in text


@pytest.mark.parametrize("allowed", [frozenset[str](), ALL_ALLOWED])
@pytest.mark.parametrize("name", FORMATS)
def test_nothing_of_a_hostile_record_is_a_control_code_or_a_second_line(
    name: str, allowed: frozenset[str]
) -> None:
    text = FORMATS[name](attacked(allowed=allowed))
    assert all(line.isprintable() for line in text.splitlines())
    ours = ("::error title=pipebench ", "::warning title=pipebench ", "::notice title=pipebench ")
    for line in text.split("\n"):
        if line.lstrip().startswith("::"):
            assert name == "github"
            assert line.startswith(ours)
        assert "##[" not in line


def test_markup_and_codes_are_shown_in_a_terminal_and_do_nothing() -> None:
    text = in_terminal(
        attacked(allowed=ALL_ALLOWED), color_system="truecolor", force_terminal=True, width=4000
    )
    assert "[bold red]loud[/bold red]" in text
    assert r"\x1b[2J\x1b]0;title\x07\x9b31m\u202eback\x00" in text
    codes = {part.split("m")[0] for part in text.split("\x1b[")[1:]}
    assert codes <= {"0", "1", "2", "1;31", "31", "32", "33", "35"}


def test_colour_is_never_alone() -> None:
    record = compared(steady_record(), steady_record(1.1))
    plain = in_terminal(record, color_system=None)
    assert "▼ regression" in plain
    assert "\x1b" not in plain


def test_a_terminal_without_unicode_has_other_symbols() -> None:
    console = Console(file=io.TextIOWrapper(io.BytesIO(), encoding="ascii"), width=100)
    record = compared(steady_record(), with_config(steady_record(1.1), dtype="flöat"), allowed=ALL_ALLOWED)
    console.print(comparison_report(record, console), crop=False)
    console.file.flush()
    text = console.file.buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]
    assert "! regression" in text
    assert r"fl\xf6at" in text


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_in_a_terminal_is_wider_than_it(width: int) -> None:
    for record in (attacked(), compared(*(steady_record(factor) for factor in (1.0, 1.1, 0.9)))):
        assert all(len(line) <= width for line in in_terminal(record, width=width).splitlines())


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        assert not any(name.startswith("on") or name in {"src", "href"} for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_page_holds_no_tag_of_a_record_and_loads_nothing() -> None:
    parser = _Tags()
    text = page.page(attacked(allowed=ALL_ALLOWED))
    parser.feed(text)
    assert set(parser.found) == {
        *("html", "head", "meta", "title", "style", "body", "h1", "table", "tr", "th", "td", "code"),
    }
    assert "<script>alert(1)</script>" in parser.text
    assert "default-src 'none'" in text


def test_whatever_a_page_says_is_escaped_also_what_is_not_marked_as_foreign() -> None:
    record = compared(steady_record(), steady_record())
    hostile = '<script>alert("&")</script>'
    side = msgspec.structs.replace(record.reference, label=hostile, id=hostile)
    text = page.page(msgspec.structs.replace(record, reference=side))
    assert "<script" not in text
    assert "&lt;script&gt;alert(&#34;&amp;&#34;)&lt;/script&gt;" in text


def test_a_name_that_the_template_does_not_know_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        page.environment().from_string("{{ nobody }}").render()


def test_markdown_keeps_foreign_text_in_code_spans_and_tables_whole() -> None:
    text = markdown.markdown(attacked(allowed=ALL_ALLOWED))
    for line in text.splitlines():
        outside = "".join(line.replace("\\|", "").split("`")[::2])
        assert line.count("`") % 2 == 0
        assert not any(sign in outside for sign in ("@", "<", "](", "#1", "http"))
    widths = {line.replace("\\|", "").count("|") for line in text.splitlines() if line.startswith("|")}
    assert widths == {7}


@pytest.mark.parametrize(("text", "span"), [("", '`""`'), (" ", '`""`'), ("a`b|c", "`a'b|c`")])
def test_a_code_span_holds_no_backtick_and_is_never_empty(text: str, span: str) -> None:
    assert markdown.code(text) == span


def test_a_pipe_is_escaped_where_it_would_split_a_table_and_nowhere_else() -> None:
    """In a code span outside a table the backslash would be seen."""
    record = with_config(steady_record(id="a|b"), schedule="x|y")
    text = markdown.markdown(compared(record, record, by="schedule"))
    facts = [line for line in text.splitlines() if line.startswith("- **A**")]
    assert facts
    assert all("`a|b`" in line for line in facts)
    cells = [line for line in text.splitlines() if line.startswith("| words/s")]
    assert "`x\\|y`" in cells[0]


def rows_of(record: ComparisonRecord) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(spreadsheet.spreadsheet(record))))


def test_no_cell_of_a_spreadsheet_is_a_formula_and_negative_numbers_stay_numbers() -> None:
    rows = rows_of(attacked(allowed=ALL_ALLOWED))
    assert rows[0]["record"].startswith("'=HYPERLINK(")
    for row in rows:
        for column, value in row.items():
            if column in {"change", "low", "high", "reference", "candidate", "p_value"}:
                assert value == "" or float(value) is not None
            else:
                assert value.lstrip()[:1] not in {"=", "+", "-", "@", "\t"}
    assert float(rows[0]["change"]) == pytest.approx(1 / 1.1 - 1)


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", " =1", "\uff1d1"])
def test_text_that_a_spreadsheet_computes_gets_an_apostrophe(text: str) -> None:
    record = steady_record(id=text)
    cell = rows_of(compared(record, record))[0]["record"]
    assert cell.startswith(("'", "\\t"))


def test_a_spreadsheet_s_numbers_are_those_of_the_comparison() -> None:
    record = compared(steady_record(), steady_record(1.1))
    for row, (name, metric) in zip(rows_of(record), record.metrics.items(), strict=True):
        assert row["metric"] == name
        assert row["verdict"] == metric.verdict
        for column in ("change", "low", "high", "reference", "candidate", "threshold"):
            value = getattr(metric, column)
            assert row[column] == ("" if value is None else repr(value))


def test_junit_is_xml_whose_values_are_those_of_the_record() -> None:
    suite = ET.fromstring(in_junit(attacked(allowed=ALL_ALLOWED)))
    values = [found.get("value") or "" for found in suite.iter("property")]
    assert any("<script>alert(1)</script>" in value for value in values)
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "2", "0")


@pytest.mark.parametrize(
    ("factor", "changes", "outcome"),
    [(1.0, {}, None), (0.9, {}, None), (1.1, {}, "failure"), (1.0, {"hidden": 7}, "error")],
)
def test_a_test_case_fails_with_its_metric(
    factor: float, changes: dict[str, int], outcome: str | None
) -> None:
    suite = ET.fromstring(in_junit(compared(steady_record(), with_config(steady_record(factor), **changes))))
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == ["words_per_s", "speedup"]
    found = {child.tag for case in cases for child in case} - {"system-out"}
    assert found == ({outcome} if outcome else set())


def test_annotations_escape_what_ends_a_property_or_a_line() -> None:
    for line in github.annotations(attacked(allowed=ALL_ALLOWED)).splitlines():
        head, _, message = line[2:].partition("::")
        assert head.startswith(("error title=", "warning title=", "notice title="))
        title = head.partition("title=")[2]
        assert ":" not in title
        assert "," not in title
        assert "%" not in message.replace("%25", "").replace("%0A", "").replace("%0D", "")


def test_annotations_are_as_loud_as_the_verdict() -> None:
    def levels(factor: float) -> set[str]:
        text = github.annotations(compared(steady_record(), steady_record(factor)))
        return {line[2:].split()[0] for line in text.splitlines()}

    assert levels(1.1) == {"error"}
    assert levels(0.9) == {"notice"}


def test_a_study_is_named_by_what_it_varies() -> None:
    record = steady_record()
    other = with_config(steady_record(0.9), schedule="wavefront", microbatches=4, chunks=8)
    text = in_terminal(compared(record, other, by="schedule"))
    assert "A gpipe" in text
    assert "B wavefront" in text
    assert "B 2 devices" in in_terminal(compared(record, record, by="gpus"))


def test_what_nobody_measured_takes_no_row_unless_the_gate_asks_for_it() -> None:
    record = steady_record()
    assert "peak memory" not in in_terminal(compared(record, record))
    assert "peak memory *" in in_terminal(compared(record, record, gates={"peak_memory_bytes": 0.03}))


def test_equal_remarks_share_a_footnote_and_gated_metrics_say_what_it_takes() -> None:
    record = steady_record()
    few = msgspec.structs.replace(record, launches=record.launches[:3])
    text = in_terminal(compared(record, few))
    notes = [line.split(maxsplit=1)[1].strip() for line in text.splitlines() if line.startswith("[")]
    assert notes[0].startswith("words/s: too-few-launches: need >= 4 launches a record")
    assert notes[1] == "too-few-launches"
    assert notes[2].startswith("speed-up: too-few-launches: need >= 4 launches a record")
    assert not notes[3:]
    assert text.count("[2]") == 5  # one device, step, efficiency, bubble, and the note itself


def test_a_command_stands_whole_on_a_line_of_its_own_in_a_terminal_and_is_code_elsewhere() -> None:
    record = steady_record()
    few = msgspec.structs.replace(record, launches=record.launches[:3])
    found = compared(record, few)
    (command,) = [each.next_step.partition(": ")[2] for each in found.warnings if each.code == "few-launches"]
    assert f"         {command}" in [line.rstrip() for line in in_terminal(found, width=80).splitlines()]
    assert f"run it again with --launches 6: `{command}`" in markdown.markdown(found)
    assert f"<code>{command}</code>" in page.page(found)
