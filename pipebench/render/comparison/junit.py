"""A comparison as JUnit XML: a test case for each gated metric of each candidate.

The suite says when the command ran, for how long, and on which host. All verdicts come together, so each case has
an equal share of that time, and the cases add up to the suite.

A regression is a failure. So is an inconclusive verdict, unless that is allowed. What could not be compared is an
error. The reason is also the element's text: GitLab shows the text, and no attribute.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple
from xml.etree import ElementTree as ET

from pipebench.comparison.metrics import metric_named
from pipebench.comparison.overall import comparisons_of
from pipebench.records.comparison import (
    CandidateComparison,
    ComparisonRecord,
    MetricComparison,
    MetricName,
    Side,
)
from pipebench.records.terms import Terms
from pipebench.render.comparison.words import (
    change_text,
    difference_parts,
    interval_text,
    threshold_text,
    value_text,
)
from pipebench.render.inert import inert

_OUTCOMES = {
    "regression": "failure",
    "inconclusive": "failure",
    "incomparable": "error",
    "missing": "error",
}


class Ran(NamedTuple):
    """When a command began, how many seconds it took, and on which host."""

    began: datetime
    took_s: float
    hostname: str


def junit(record: ComparisonRecord, ran: Ran) -> str:
    """The JUnit document of a comparison."""
    suite = ET.Element("testsuite", name="pipebench")
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(record):
        ET.SubElement(properties, "property", name=name, value=inert(value))
    allowed = record.gate is not None and record.gate.allow_inconclusive
    for compared in comparisons_of(record):
        for name, each in compared.metrics.items():
            if each.gated:
                _case(suite, name, each, compared, record, allowed=allowed)
    return _text(suite, ran)


def junit_error(message: str, kind: str, command: str, ran: Ran) -> str:
    """The JUnit document of a command that ended before there was anything to compare."""
    suite = ET.Element("testsuite", name="pipebench")
    case = ET.SubElement(suite, "testcase", classname="pipebench", name=command)
    ET.SubElement(case, "error", type=kind, message=inert(message)).text = inert(message)
    return _text(suite, ran)


def _case(
    suite: ET.Element,
    name: MetricName,
    metric: MetricComparison,
    compared: CandidateComparison,
    record: ComparisonRecord,
    *,
    allowed: bool,
) -> None:
    case = ET.SubElement(suite, "testcase", classname=f"pipebench.{compared.candidate.label}", name=name)
    told = [metric_line(name, metric, record.terms), *asked_for(record.reference, compared.candidate)]
    message = " | ".join(told)
    outcome = _OUTCOMES.get(metric.verdict)
    if metric.verdict == "inconclusive" and allowed:
        ET.SubElement(case, "skipped", message=inert(message)).text = inert(message)
    elif outcome:
        ET.SubElement(case, outcome, type=metric.verdict, message=inert(message)).text = inert(message)
    ET.SubElement(case, "system-out").text = inert(message)


def asked_for(*sides: Side) -> list[str]:
    """What each side is, where that was asked for."""
    return [f"{side.label}: {side.text}" for side in sides if side.text]


def metric_line(name: MetricName, metric: MetricComparison, terms: Terms) -> str:
    """One metric in one line."""
    line = (
        f"{metric_named(name, terms).title(terms)} {metric.verdict}: {value_text(name, metric.reference, terms)} -> "
        f"{value_text(name, metric.candidate, terms)}, threshold {threshold_text(metric.threshold)}"
    )
    if terms.better is not None:
        line += f", {terms.better} is better"
    if metric.change is not None:
        line += f", change {change_text(metric.change)} ({interval_text(metric)})"
    return "; ".join(part for part in (line, metric.reason, metric.note, metric.explanation) if part)


def _properties(record: ComparisonRecord) -> Iterator[tuple[str, str]]:
    yield "reference", record.reference.id
    for side in record.sides:
        if side.text:
            yield f"{side.label}.side", side.text
    for compared in comparisons_of(record):
        label = compared.candidate.label
        yield f"{label}.record", compared.candidate.id
        for name, differences in (
            ("differs", compared.mismatches),
            ("allowed", compared.allowed),
            ("drift", compared.drift),
        ):
            for each in differences:
                yield f"{label}.{name}", "".join(difference_parts(each))
        for warning in compared.warnings:
            yield f"{label}.warning", f"{warning.code}: {warning.cause}"


def _text(suite: ET.Element, ran: Ran) -> str:
    cases = suite.findall("testcase")
    for outcome, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(outcome) is not None for case in cases)))
    suite.set("tests", str(len(cases)))
    suite.set("time", _seconds(ran.took_s))
    suite.set(
        "timestamp", f"{ran.began.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
    )  # in UTC: the schema knows no zone
    suite.set("hostname", inert(ran.hostname))
    for case in cases:
        case.set("time", _seconds(ran.took_s / len(cases)))
    ET.indent(suite)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(suite, encoding="unicode")}\n'


def _seconds(seconds: float) -> str:
    """Seconds as JUnit writes them: a decimal without an exponent."""
    return f"{seconds:.6f}"
