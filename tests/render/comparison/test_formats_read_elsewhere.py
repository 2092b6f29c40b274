"""Each format that other programs read: foreign text does nothing in it, and its values are the comparison's."""

import csv
import io
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import msgspec
import pytest
from jinja2 import UndefinedError

from pipebench.records.comparison import ComparisonRecord
from pipebench.render.comparison import github, markdown, page, spreadsheet
from tests.builders import steady_record, with_config
from tests.render.comparison.formats import ALL_ALLOWED, attacked, compared, in_junit


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
