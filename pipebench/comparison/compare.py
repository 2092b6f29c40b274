"""Records in, the record of their comparison out. The first record is the reference of all others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from pipebench.comparison import fields, remarks, verdicts
from pipebench.comparison.doubts import Doubt, concerning, doubts
from pipebench.comparison.metrics import OF_WORDS, Sample, names_of, other_name, samples
from pipebench.comparison.more_launches import Sided, of_few_launches
from pipebench.comparison.overall import overall_of, worst_of
from pipebench.comparison.parts import explained, setting_of
from pipebench.comparison.sides import side_of
from pipebench.records.command import CommandRecord, Comparable
from pipebench.records.comparison import (
    CandidateComparison,
    ComparisonRecord,
    Difference,
    MetricComparison,
    MetricName,
    Side,
)
from pipebench.records.schema import WarningRecord
from pipebench.records.selection import Source
from pipebench.records.terms import WORDS, Terms, terms_of
from pipebench.records.trace import TraceRecord
from pipebench.statistics.power import DEFAULT_THRESHOLD


@dataclass(frozen=True)
class Rules:
    """How to compare: thresholds of the gated metrics, allowed mismatches, what a study varies, the level of the tests.

    ``in_turn``: whether both sides are measured in turn, by ``ab`` or ``guard``, and have launches of one session.
    Empty ``gates`` stand for the default ones, which depend on the kind of the records and on what they count.
    """

    gates: Mapping[MetricName, float] = field(default_factory=lambda: MappingProxyType({}))
    allowed: frozenset[str] = frozenset()
    by: Literal["schedule", "gpus"] | None = None
    level: float = verdicts.LEVEL
    in_turn: bool = False

    def threshold(self, metric: MetricName) -> float:
        """The relative change that matters: that of its gate, also by the metric's other name, or the default."""
        other = other_name(metric)
        named = DEFAULT_THRESHOLD if other is None else self.gates.get(other, DEFAULT_THRESHOLD)
        return self.gates.get(metric, named)

    def of(self, records: Sequence[Comparable]) -> "Rules":
        """These rules with the default gates of the records, if there are no others."""
        if self.gates:
            return self
        if isinstance(records[0], CommandRecord):
            return replace(self, gates={records[0].metric.field: DEFAULT_THRESHOLD})
        if isinstance(records[0], TraceRecord):
            return replace(self, gates={"step_s": DEFAULT_THRESHOLD})
        words = all(terms_of(record).unit == WORDS for record in records)
        principal: MetricName = "words_per_s" if words else "throughput"
        return replace(self, gates={principal: DEFAULT_THRESHOLD, "speedup": DEFAULT_THRESHOLD})


@dataclass(frozen=True)
class _Measured:
    """A source with what its raw samples say."""

    source: Source
    label: str
    terms: Terms
    names: Sequence[MetricName] = ()
    samples: Mapping[MetricName, Sample] = field(default_factory=dict)
    doubts: Sequence[Doubt] = ()
    warnings: Sequence[WarningRecord] = ()

    @property
    def side(self) -> Side:
        """The record as the comparison names it."""
        return side_of(self.source, self.label, self.terms)


def compare(sources: Sequence[Source], rules: Rules | None = None) -> ComparisonRecord:
    """Compare each of the other sources with the first; all are of one kind.

    Raises:
        CorruptRecordError: A record's samples cannot be those of a completed run.
    """
    assert len(sources) >= 2
    rules = (rules or Rules()).of([source.record for source in sources])
    measured = [_measure(source, label_of(number), rules) for number, source in enumerate(sources)]
    first, *others = [_compared(measured[0], candidate, rules) for candidate in measured[1:]]
    return ComparisonRecord(
        by=rules.by,
        reference=measured[0].side,
        candidate=first.candidate,
        metrics=first.metrics,
        overall=worst_of([first, *others]),
        mismatches=first.mismatches,
        allowed=first.allowed,
        drift=first.drift,
        warnings=first.warnings,
        others=others,
    )


def label_of(number: int) -> str:
    """A, B, ... Z, AA, AB, as columns of a spreadsheet."""
    letters = ""
    while number >= 0:
        letters = chr(ord("A") + number % 26) + letters
        number = number // 26 - 1
    return letters


def _measure(source: Source, label: str, rules: Rules) -> _Measured:
    found = samples(source.record)
    names = names_of(source.record)
    thresholds = {name: rules.threshold(name) for name in names}
    doubtful = doubts(source.record, found, thresholds)
    warnings = remarks.of_a_record(source, label, found, doubtful)
    return _Measured(source, label, terms_of(source.record), names, found, doubtful, warnings)


def _compared(reference: _Measured, candidate: _Measured, rules: Rules) -> CandidateComparison:
    records = (reference.source.record, candidate.source.record)
    standing, allowed = fields.split_allowed(fields.mismatches(*records, by=rules.by), rules.allowed)
    estimates = _estimates(reference, candidate, rules)
    metrics = explained(
        _metrics(reference, candidate, rules, standing, estimates),
        (setting_of(records[0]), setting_of(records[1])),
        _identical(reference.samples, candidate.samples),
    )
    return CandidateComparison(
        candidate=candidate.side,
        metrics=metrics,
        overall=overall_of(metrics),
        mismatches=standing,
        allowed=allowed,
        drift=fields.drift(*records),
        warnings=[
            *reference.warnings,
            *candidate.warnings,
            *remarks.of_what_never_passes(standing, rules.allowed),
            *_of_few_launches(reference, candidate, rules, metrics, estimates),
            *remarks.of_a_comparison(records, metrics),
        ],
    )


def _estimates(
    reference: _Measured, candidate: _Measured, rules: Rules
) -> dict[MetricName, verdicts.Estimate]:
    """The estimates of the metrics that both sides have."""
    return {
        name: verdicts.estimate(
            name, reference.samples[name], candidate.samples[name], level=rules.level, terms=reference.terms
        )
        for name in reference.names
        if name in reference.samples and name in candidate.samples
    }


def _of_few_launches(
    reference: _Measured,
    candidate: _Measured,
    rules: Rules,
    metrics: Mapping[MetricName, MetricComparison],
    estimates: Mapping[MetricName, verdicts.Estimate],
) -> list[WarningRecord]:
    """What takes more launches, where a gated metric has too few for a verdict."""
    lacking = [name for name, each in metrics.items() if each.gated and each.reason == verdicts.TOO_FEW]
    if not lacking:
        return []
    questions = verdicts.questions_of(estimates, list(rules.gates))
    found = (verdicts.needed(estimates[name], rules.threshold(name), questions) for name in lacking)
    needed = max((number for number in found if number is not None), default=None)
    sides = [Sided(side.label, side.source.record) for side in (reference, candidate)]
    return [*of_few_launches(sides, needed, in_turn=rules.in_turn)]


def _metrics(
    reference: _Measured,
    candidate: _Measured,
    rules: Rules,
    standing: Sequence[Difference],
    estimates: Mapping[MetricName, verdicts.Estimate],
) -> dict[MetricName, MetricComparison]:
    p_values = verdicts.adjusted(estimates, list(rules.gates))
    questions = verdicts.questions_of(estimates, list(rules.gates))
    result = {}
    for name in reference.names:
        threshold, gated = rules.threshold(name), name in rules.gates
        if name in OF_WORDS and not gated and WORDS not in (reference.terms.unit, candidate.terms.unit):
            continue
        if not standing and name in estimates:
            result[name] = verdicts.verdict_on(
                estimates[name],
                threshold=threshold,
                gated=gated,
                adjusted_p_value=p_values[name],
                questions=questions,
                doubts=[
                    doubt
                    for side in (reference, candidate)
                    for doubt in concerning(side.doubts, name, side.samples)
                ],
            )
            continue
        result[name] = verdicts.without_change(
            "incomparable" if standing else "missing",
            ", ".join(each.field for each in standing) or _missing(name, reference, candidate),
            threshold=threshold,
            gated=gated,
            sides=(reference.samples.get(name), candidate.samples.get(name)),
            note=_instead(name, reference, candidate),
        )
    return result


def _identical(
    reference: Mapping[MetricName, Sample], candidate: Mapping[MetricName, Sample]
) -> set[MetricName]:
    """Metrics whose samples are exactly the same, as when only the other half of a record was measured anew."""
    return {
        name
        for name in reference.keys() & candidate.keys()
        if reference[name].values == candidate[name].values
    }


def _missing(name: MetricName, *sides: _Measured) -> str:
    """Which sides lack the metric, and why, where that is known."""
    parts = []
    for side in sides:
        status = side.source.record.status
        why = f" ({status})" if status != "completed" else ""
        if name in OF_WORDS and side.terms.unit != WORDS:
            why = f", which counts {side.terms.unit}"
        if name not in side.samples:
            parts.append(f"not in {side.label}{why}")
    return ", ".join(parts)


def _instead(name: MetricName, *sides: _Measured) -> str | None:
    """A hint to the metric's other name, where words are not counted."""
    if name in OF_WORDS and any(side.terms.unit != WORDS for side in sides):
        return f"gate on {OF_WORDS[name]}, which every run has"
    return None
