"""What is said of a comparison, in any format: facts, and grids of cells. A cell is a row of parts."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from pipebench.comparison.metrics import OF_WORDS, metric_named, other_name
from pipebench.comparison.overall import comparisons_of
from pipebench.comparison.verdicts import LEVEL
from pipebench.plurals import counted
from pipebench.records.comparison import (
    CandidateComparison,
    ComparisonRecord,
    MetricComparison,
    MetricName,
    Side,
    Verdict,
)
from pipebench.records.terms import WORDS, Terms
from pipebench.render.commands import parted
from pipebench.render.comparison.kinds_of_bubble import kinds_of_bubble
from pipebench.render.comparison.sides import described
from pipebench.render.comparison.way_on import way_on
from pipebench.render.comparison.words import (
    Foreign,
    Typed,
    Wording,
    change_text,
    difference_parts,
    interval_text,
    threshold_text,
    titles,
    value_text,
    verdict_text,
)


class Cell(NamedTuple):
    """Parts of text; a verdict adds a colour to the symbol and the word that are in the text."""

    parts: tuple[Wording, ...]
    verdict: Verdict | None = None


class Facts(NamedTuple):
    """Rows of a name, and of what is said of it."""

    rows: Sequence[tuple[str, Cell]]


class Grid(NamedTuple):
    """A table; its first ``left`` columns and its last are words, the others figures."""

    headers: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    left: int = 1


class Footnotes:
    """Numbered remarks; equal remarks share a number."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def mark(self, text: str) -> str:
        """The mark of a remark, such as ``[1]``."""
        if text not in self.texts:
            self.texts.append(text)
        return f"[{self.texts.index(text) + 1}]"


Block = Facts | Grid

_SESSION_S = 15.0


def document(record: ComparisonRecord) -> list[Block]:
    """All that there is to say, in the order in which it is read."""
    notes = Footnotes()
    many = bool(record.others) or record.by is not None
    grid = _grid_of_many(record, notes) if many else _grid_of_two(record, notes)
    blocks: list[Block] = [Facts([(side.label, cell(*described(side))) for side in record.sides]), grid]
    rows = [(f"[{number}]", cell(text)) for number, text in enumerate(notes.texts, start=1)]
    rows += list(
        dict.fromkeys(row for compared in comparisons_of(record) for row in _remarks(compared))
    )  # those of the reference come once
    return [*blocks, Facts(rows), Facts([*_overall(record), *_gate(record)])]


def cell(*parts: Wording, verdict: Verdict | None = None) -> Cell:
    """A cell of these parts."""
    return Cell(parts, verdict)


def told(text: str) -> Iterator[Wording]:
    """Words of ours, and the command that they end with, if there is one."""
    words, commands = parted(text)
    yield words
    for command in commands:
        yield " "
        yield Typed(command)


def _grid_of_two(record: ComparisonRecord, notes: Footnotes) -> Grid:
    headers = ["metric", "A", "B", "change", _interval_title(record), "verdict"]
    rows = [
        [
            cell(_title(name, each, record.terms)),
            cell(value_text(name, each.reference, record.terms)),
            cell(value_text(name, each.candidate, record.terms)),
            cell(change_text(each.change)),
            cell(interval_text(each)),
            _verdict_cell(name, each, notes, record.terms),
        ]
        for name, each in record.metrics.items()
        if _worth_a_row(name, record)
    ]
    return Grid(headers, rows)


def _grid_of_many(record: ComparisonRecord, notes: Footnotes) -> Grid:
    """A row for each metric and record."""
    headers = ["metric", "record", "value", "change", _interval_title(record), "verdict"]
    rows = []
    for name, first in record.metrics.items():
        if not _worth_a_row(name, record):
            continue
        value = cell(value_text(name, first.reference, record.terms))
        named = cell(*_called(record.reference, record.by))
        rows.append(
            [cell(_title(name, first, record.terms)), named, value, cell(""), cell(""), cell("reference")]
        )
        for compared in comparisons_of(record):
            each = compared.metrics.get(name)
            if each is None:
                continue
            rows.append(
                [
                    cell(""),
                    cell(*_called(compared.candidate, record.by)),
                    cell(value_text(name, each.candidate, record.terms)),
                    cell(change_text(each.change)),
                    cell(interval_text(each)),
                    _verdict_cell(name, each, notes, record.terms, compared.candidate.label),
                ]
            )
    return Grid(headers, rows, left=2)


def _interval_title(record: ComparisonRecord) -> str:
    """The heading of the interval, with its confidence; that is higher where there are several looks."""
    level = record.looks.level if record.looks else LEVEL
    return f"{100 * (1 - level):.3g} % interval"


def _worth_a_row(name: MetricName, record: ComparisonRecord) -> bool:
    """Whether some record has the metric, or the gate asks for it; a metric of two names has one row."""
    if _is_told_by_its_other_name(name, record):
        return False
    found = [metric for compared in comparisons_of(record) if (metric := compared.metrics.get(name))]
    return any(each.gated or (each.reference, each.candidate) != (None, None) for each in found)


def _is_told_by_its_other_name(name: MetricName, record: ComparisonRecord) -> bool:
    """Whether the other name of a throughput has the row.

    That is words/s where words are counted, unless only one of the two is gated. Both have a row where they differ in
    verdict or threshold.
    """
    other = other_name(name)
    if other is None or name not in record.metrics or other not in record.metrics:
        return False
    own, beside = record.metrics[name], record.metrics[other]
    if (own.verdict, own.threshold) != (beside.verdict, beside.threshold):
        return False
    if own.gated != beside.gated:
        return beside.gated
    return (name in OF_WORDS) != (record.terms.unit == WORDS)


def _called(side: Side, by: str | None) -> Iterator[Wording]:
    """The label, with what the study varies."""
    yield side.label
    if by == "schedule" and side.schedule is not None:
        yield " "
        yield Foreign(side.schedule)
    elif by == "gpus" and side.devices is not None:
        yield f" {counted(side.devices, 'device')}"


def _title(name: MetricName, metric: MetricComparison, terms: Terms) -> str:
    return f"{metric_named(name, terms).heading(terms)}{' *' if metric.gated else ''}"


def _verdict_cell(
    name: MetricName, metric: MetricComparison, notes: Footnotes, terms: Terms, label: str = ""
) -> Cell:
    text = verdict_text(metric.verdict)
    if metric.verdict == "incomparable" or metric.reason is None:
        return cell(text, verdict=metric.verdict)
    remark = metric.reason
    if metric.gated:
        where = f"{label} {metric_named(name, terms).title(terms)}".strip()
        remark = ": ".join(part for part in (where, metric.reason, metric.note) if part)
    return cell(f"{text} {notes.mark(remark)}", verdict=metric.verdict)


def _remarks(compared: CandidateComparison) -> Iterator[tuple[str, Cell]]:
    """What differs, what was let pass, what drifted, and the warnings."""
    label = compared.candidate.label
    for name, differences in (
        ("differs", compared.mismatches),
        ("allowed", compared.allowed),
        ("drift", compared.drift),
    ):
        for difference in differences:
            yield name, cell(f"{label}: ", *difference_parts(difference))
        if name == "differs" and differences:
            yield "go on", cell(f"{label}: ", *way_on(compared))
    for warning in compared.warnings:
        yield "warning", cell(*told(f"{warning.code}: {warning.cause} -> {warning.next_step}"))


def _overall(record: ComparisonRecord) -> Iterator[tuple[str, Cell]]:
    terms = record.terms
    gated = [(name, each) for name, each in record.metrics.items() if each.gated]
    gates = [
        f"{metric_named(name, terms).title(terms)} {threshold_text(each.threshold)}" for name, each in gated
    ]
    yield "*", cell(f"gated, with its threshold: {', '.join(dict.fromkeys(gates))}")
    bubbles = kinds_of_bubble(record)
    if bubbles:
        yield "bubble", cell(bubbles)
    for compared in comparisons_of(record):
        smallest = [
            f"{metric_named(name, terms).title(terms)} from {100 * each.detectable:.1f} %"
            for name, each in compared.metrics.items()
            if each.gated and each.detectable is not None
        ]
        if smallest:
            found = f"{compared.candidate.label}: a worsening is found 95 times in 100 at this noise: "
            yield "finds", cell(found + ", ".join(dict.fromkeys(smallest)))
    for compared in comparisons_of(record):
        if compared.overall.verdict in {"regression", "improvement"}:
            text = _apart(record.reference, compared.candidate)
            yield from [("apart", cell(f"{compared.candidate.label}: {text}"))] if text else []
    for compared in comparisons_of(record):
        yield from _parts(compared, terms)
    for compared in comparisons_of(record):
        text = f"{compared.candidate.label}: {verdict_text(compared.overall.verdict)}"
        yield (
            "overall",
            cell(f"{text} ({titles(compared.overall.metrics, terms)})", verdict=compared.overall.verdict),
        )


def _parts(compared: CandidateComparison, terms: Terms) -> Iterator[tuple[str, Cell]]:
    """Which parts of a ratio moved; ratios with the same explanation share a line."""
    told: dict[str, list[MetricName]] = {}
    for name, each in compared.metrics.items():
        if each.explanation is not None:
            told.setdefault(each.explanation, []).append(name)
    for text, names in told.items():
        yield "parts", cell(f"{compared.candidate.label}: {titles(names, terms)}: {text}")


def _apart(reference: Side, candidate: Side) -> str:
    """A caution that something may have changed between two sessions; empty where one session measured both."""
    if candidate.trace:
        return "nothing tells whether both sides ran in one session; no interval covers what changes between sessions"
    if _apart_s(reference, candidate) <= _SESSION_S:
        return ""
    return (
        "measured in another session: no interval covers what changed between them; ab measures both in turn"
    )


def _apart_s(reference: Side, candidate: Side) -> float:
    """Seconds between the dates of the two records, which one session writes together; 0 if a date is not valid."""
    try:
        one, other = (datetime.fromisoformat(side.created) for side in (reference, candidate))
        return abs((other - one).total_seconds())
    except (ValueError, TypeError):  # no date, or only one with a zone
        return 0.0


def _gate(record: ComparisonRecord) -> Iterator[tuple[str, Cell]]:
    if record.looks is not None:
        level = f"{100 * record.looks.level:.2g} %"
        text = (
            f"{record.looks.taken} of {record.looks.planned} planned, each at {level}: together 5 % at most"
        )
        yield "looks", cell(text)
    if record.gate is not None:
        allowed = ", inconclusive is allowed" if record.gate.allow_inconclusive else ""
        passed = record.gate.allow_inconclusive and record.overall.verdict == "inconclusive"
        without = " without a verdict" if passed and record.gate.exit_code == 0 else ""
        yield "gate", cell(f"exit {record.gate.exit_code}{without}{allowed}")
