"""A comparison as CSV: a line for each metric of each candidate, numbers in full and in base units.

Text that a spreadsheet would take for a formula gets an apostrophe before it; numbers are numbers, negative ones too.
"""

import csv
import io
from collections.abc import Sequence

from pipebench.comparison.overall import comparisons_of
from pipebench.records.comparison import CandidateComparison, ComparisonRecord, Difference
from pipebench.render.comparison.words import difference_parts
from pipebench.render.inert import inert

COLUMNS = (
    *("metric", "label", "record", "reference_record", "reference", "candidate", "change", "low", "high"),
    *("threshold", "gated", "verdict", "reason", "note", "p_value", "adjusted_p_value"),
    *("differs", "allowed", "drift", "warnings", "clock", "reference_clock", "explanation"),
)
_FORMULA = "=+-@\uff1d\uff0b\uff0d\uff20"  # and their full-width forms


def spreadsheet(record: ComparisonRecord) -> str:
    """A header, and a line for each metric of each candidate; everything but numbers is quoted."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(COLUMNS)
    for compared in comparisons_of(record):
        writer.writerows(_rows(record, compared))
    return text.getvalue()


def _rows(record: ComparisonRecord, compared: CandidateComparison) -> list[list[str | float]]:
    remarks = [_joined(each) for each in (compared.mismatches, compared.allowed, compared.drift)]
    told = ", ".join(sorted({warning.code for warning in compared.warnings}))
    rows = []
    for name, each in compared.metrics.items():
        values = (
            *(name, compared.candidate.label, compared.candidate.id, record.reference.id),
            *(each.reference, each.candidate, each.change, each.low, each.high, each.threshold),
            *("yes" if each.gated else "no", each.verdict, each.reason, each.note),
            *(each.p_value, each.adjusted_p_value, *remarks, told),
            *(compared.candidate.clock, record.reference.clock, each.explanation),
        )
        rows.append([_value(value) for value in values])
    return rows


def _joined(differences: Sequence[Difference]) -> str:
    return "; ".join("".join(difference_parts(each)) for each in differences)


def _value(value: str | float | None) -> str | float:
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    text = inert(value)
    return f"'{text}" if text.lstrip()[:1] and text.lstrip()[0] in _FORMULA else text
