"""Records in, the record of their comparison out. The first record is the reference of all others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from pipebench.comparison import fields, verdicts
from pipebench.comparison.contradictions import contradictions
from pipebench.comparison.doubts import Doubt, concerning, doubts
from pipebench.comparison.metrics import METRICS, Sample, samples
from pipebench.comparison.parts import explained, setting_of
from pipebench.diagnosis.contention import contention
from pipebench.records.comparison import (
    WORST_FIRST,
    ComparisonRecord,
    Difference,
    MetricComparison,
    MetricName,
    Overall,
    Pair,
    Side,
    overall_of,
)
from pipebench.records.schema import RunRecord, WarningRecord
from pipebench.records.selection import Source
from pipebench.records.store import path_text

DEFAULT_THRESHOLD = 0.03
DEFAULT_GATES: Mapping[MetricName, float] = MappingProxyType(
    {"words_per_s": DEFAULT_THRESHOLD, "speedup": DEFAULT_THRESHOLD}
)


@dataclass(frozen=True)
class Rules:
    """What is asked: thresholds of the gated metrics, mismatches let pass, what a study varies, the tests' level."""

    gates: Mapping[MetricName, float] = field(default_factory=lambda: DEFAULT_GATES)
    allowed: frozenset[str] = frozenset()
    by: Literal["schedule", "gpus"] | None = None
    level: float = verdicts.LEVEL

    def threshold(self, metric: MetricName) -> float:
        """The change that matters; that of a metric that is not gated is the default."""
        return self.gates.get(metric, DEFAULT_THRESHOLD)


@dataclass(frozen=True)
class _Measured:
    """A source with what its raw samples say."""

    source: Source
    label: str
    samples: Mapping[MetricName, Sample] = field(default_factory=dict)
    doubts: Sequence[Doubt] = ()
    warnings: Sequence[WarningRecord] = ()


def compare(sources: Sequence[Source], rules: Rules | None = None) -> ComparisonRecord:
    """Compare all sources but the first with the first.

    Raises:
        CorruptRecordError: A record's samples cannot be those of a completed run.
    """
    assert len(sources) >= 2
    rules = rules or Rules()
    measured = [_measure(source, label_of(number), rules) for number, source in enumerate(sources)]
    first, *others = [_pair(measured[0], candidate, rules) for candidate in measured[1:]]
    return ComparisonRecord(
        by=rules.by,
        reference=_side(measured[0]),
        candidate=first.candidate,
        metrics=first.metrics,
        overall=_worst([first, *others]),
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


def _worst(pairs: Sequence[Pair]) -> Overall:
    """The worst verdict of all candidates, and the metrics that have it in the first one that is called so."""
    return min((pair.overall for pair in pairs), key=lambda each: WORST_FIRST.index(each.verdict))


def _measure(source: Source, label: str, rules: Rules) -> _Measured:
    found = samples(source.record)
    thresholds = {name: rules.threshold(name) for name in METRICS}
    doubtful = doubts(source.record, found, thresholds)
    return _Measured(source, label, found, doubtful, _warnings(source, label, found, doubtful))


def _pair(reference: _Measured, candidate: _Measured, rules: Rules) -> Pair:
    records = (reference.source.record, candidate.source.record)
    standing, allowed = fields.split_allowed(fields.mismatches(*records, by=rules.by), rules.allowed)
    metrics = explained(
        _metrics(reference, candidate, rules, standing),
        (setting_of(records[0]), setting_of(records[1])),
        _identical(reference.samples, candidate.samples),
    )
    return Pair(
        candidate=_side(candidate),
        metrics=metrics,
        overall=overall_of(metrics),
        mismatches=standing,
        allowed=allowed,
        drift=fields.drift(*records),
        warnings=[
            *reference.warnings,
            *candidate.warnings,
            *_of_the_clocks(standing, rules),
            *_of_the_pair(records, metrics),
        ],
    )


def _metrics(
    reference: _Measured, candidate: _Measured, rules: Rules, standing: Sequence[Difference]
) -> dict[MetricName, MetricComparison]:
    estimates = {
        name: verdicts.estimate(name, reference.samples[name], candidate.samples[name], level=rules.level)
        for name in METRICS
        if name in reference.samples and name in candidate.samples
    }
    p_values = verdicts.adjusted(estimates, list(rules.gates))
    questions = verdicts.questions_of(estimates, list(rules.gates))
    result = {}
    for name in METRICS:
        threshold, gated = rules.threshold(name), name in rules.gates
        if not standing and name in estimates:
            result[name] = verdicts.judge(
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
        result[name] = verdicts.unjudged(
            name,
            "incomparable" if standing else "missing",
            ", ".join(each.field for each in standing) or _missing(name, reference, candidate),
            threshold=threshold,
            gated=gated,
            sides=(reference.samples.get(name), candidate.samples.get(name)),
        )
    return result


def _identical(
    reference: Mapping[MetricName, Sample], candidate: Mapping[MetricName, Sample]
) -> set[MetricName]:
    """Metrics whose samples are the very same, as where only the other side of a record was measured anew."""
    return {
        name
        for name in reference.keys() & candidate.keys()
        if reference[name].values == candidate[name].values
    }


def _missing(name: MetricName, *sides: _Measured) -> str:
    """Which record lacks the metric, and why where it was not completed."""
    parts = []
    for side in sides:
        status = side.source.record.status
        if name not in side.samples:
            parts.append(f"not in {side.label}" + (f" ({status})" if status != "completed" else ""))
    return ", ".join(parts)


def _side(measured: _Measured) -> Side:
    record = measured.source.record
    return Side(
        label=measured.label,
        id=record.id,
        path=path_text(measured.source.path),
        created=record.created,
        status=record.status,
        launches=len(record.launches),
        device=record.device.kind,
        devices=record.device.count,
        clock=record.clock,
        machine=record.machine.name if record.machine else None,
        schedule=record.config.schedule,
        microbatches=record.config.microbatches,
        chunks=record.config.chunks,
    )


def _warnings(
    source: Source, label: str, found: Mapping[MetricName, Sample], doubtful: Sequence[Doubt]
) -> list[WarningRecord]:
    """What a reader must know of one record; the words are ours, so that nothing foreign gets in."""
    result = [WarningRecord(doubt.code, f"{label}: {doubt.cause}", doubt.next_step) for doubt in doubtful]
    result += [
        WarningRecord("contradiction", f"{label}: {cause}", "the samples are what is compared; run again")
        for cause in contradictions(source.record, found)
    ]
    shared = any(warning.code == "cores-shared" for warning in source.record.warnings)
    busy = contention(source.record.launches, source.record.environment) if found and not shared else None
    if busy is not None:
        result.append(WarningRecord(busy.code, f"{label}: {busy.cause}", busy.next_step))
    if any(warning.code == "run-beside" for warning in source.record.warnings):
        cause = f"{label}: another pipebench run measured on its machine at the same time"
        result.append(WarningRecord("run-beside", cause, "measure again, one run after the other"))
    if any(warning.code == "baseline-varied" for warning in source.record.warnings):
        cause = f"{label}: its launches did not all find the same form of one device's step to be the fastest"
        result.append(
            WarningRecord(
                "baseline-varied", cause, "trust words/s more than the speed-up where they disagree"
            )
        )
    if source.unlike:
        cause = (
            f"{source.unlike} runs of other configurations in the folder of {label} left out: "
            f"they differ in {', '.join(source.apart)}"
        )
        result.append(WarningRecord("unlike", cause, "name those that are to be compared"))
    if source.passed_over:
        cause = f"{label}: {source.passed_over} newer beside it passed over: not completed, or unreadable"
        result.append(WarningRecord("passed-over", cause, "name a record to be sure"))
    return result


def _of_the_clocks(standing: Sequence[Difference], rules: Rules) -> list[WarningRecord]:
    if fields.CLOCK not in rules.allowed or fields.CLOCK not in {each.field for each in standing}:
        return []
    cause = "virtual and wall-clock seconds are not of one kind: no option lets that pass"
    return [WarningRecord("clock-never-passes", cause, "compare runs of one clock")]


def _of_the_pair(
    records: tuple[RunRecord, RunRecord], metrics: Mapping[MetricName, MetricComparison]
) -> list[WarningRecord]:
    result = []
    if records[0].id == records[1].id and records[0] == records[1]:
        result.append(WarningRecord("same-record", "a record was compared with itself", "name two runs"))
    for name, each in metrics.items():
        if (
            each.verdict == "regression"
            and each.rank_p_value is not None
            and each.rank_p_value >= verdicts.LEVEL
        ):
            cause = (
                f"{METRICS[name].title}: the order of the launches alone does not show it "
                f"(Mann-Whitney p = {each.rank_p_value:.2g})"
            )
            result.append(WarningRecord("rank-test", cause, "look at the launches, or run more of them"))
    return result
