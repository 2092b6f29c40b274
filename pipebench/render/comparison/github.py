"""A comparison as annotations of a GitHub job: lines that the runner finds in the log.

::error title=TITLE::MESSAGE        % CR LF are escaped, in a title : and , too
"""

from pipebench.comparison.metrics import metric_named
from pipebench.comparison.overall import comparisons_of
from pipebench.records.comparison import (
    CandidateComparison,
    ComparisonRecord,
    Difference,
    MetricComparison,
    MetricName,
    Overall,
    Verdict,
)
from pipebench.records.terms import Terms
from pipebench.render.comparison.junit import asked_for, metric_line
from pipebench.render.comparison.words import difference_parts, titles
from pipebench.render.inert import inert

_LEVELS: dict[Verdict, str] = {
    "improvement": "notice",
    "same": "notice",
    "regression": "error",
    "inconclusive": "warning",
    "incomparable": "error",
    "missing": "error",
}


def annotations(record: ComparisonRecord) -> str:
    """A line for each gated metric of each candidate, and for each mismatch, allowed mismatch, drift and warning."""
    lines = [line for compared in comparisons_of(record) for line in _lines(compared, record.terms)]
    return "".join(f"{line}\n" for line in lines)


def annotation_of_check(record: ComparisonRecord, command: str) -> str:
    """One line for a whole ``check`` or ``ab``."""
    gated = [(name, each) for name, each in record.metrics.items() if each.gated]
    parts = [metric_line(name, each, record.terms) for name, each in gated]
    parts += asked_for(record.reference, record.candidate)
    parts += [_told("allowed mismatch", each) for each in record.allowed]
    failed = record.gate is not None and record.gate.exit_code != 0
    doubtful = record.overall.verdict == "inconclusive" or record.allowed or record.warnings
    level = "error" if failed else "warning" if doubtful else "notice"
    return _line(level, _title(record.overall, command, record.terms), " | ".join(parts))


def annotation_of_error(message: str, command: str) -> str:
    """One line for a ``check`` or ``ab`` that ended before there was anything to compare."""
    return _line("error", f"pipebench {command}", message)


def _lines(compared: CandidateComparison, terms: Terms) -> list[str]:
    lines = [
        _line(
            _LEVELS[each.verdict], _metric_title(name, each, compared, terms), metric_line(name, each, terms)
        )
        for name, each in compared.metrics.items()
        if each.gated
    ]
    for what, level, differences in (
        ("mismatch", "error", compared.mismatches),
        ("allowed mismatch", "warning", compared.allowed),
        ("drift", "notice", compared.drift),
    ):
        lines += [
            _line(level, f"pipebench {compared.candidate.label}", _told(what, each)) for each in differences
        ]
    lines += [
        _line("warning", f"pipebench {compared.candidate.label}", f"{each.code}: {each.cause}")
        for each in compared.warnings
    ]
    return lines


def _metric_title(
    name: MetricName, metric: MetricComparison, compared: CandidateComparison, terms: Terms
) -> str:
    return f"pipebench {compared.candidate.label}: {metric_named(name, terms).title(terms)} {metric.verdict}"


def _title(overall: Overall, command: str, terms: Terms) -> str:
    return f"pipebench {command}: {overall.verdict} ({titles(overall.metrics, terms)})"


def _told(what: str, difference: Difference) -> str:
    return f"{what}: {''.join(difference_parts(difference))}"


def _line(level: str, title: str, message: str) -> str:
    return f"::{level} title={_property(inert(title))}::{_data(inert(message))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
