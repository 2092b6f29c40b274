"""The overall verdict: the worst of a candidate's metrics, and the worst of all candidates."""

from collections.abc import Mapping, Sequence

from pipebench.records.comparison import (
    CandidateComparison,
    ComparisonRecord,
    MetricComparison,
    MetricName,
    Overall,
    Verdict,
)

# From worst to best: several metrics, or several candidates, have the verdict of the worst.
WORST_FIRST: tuple[Verdict, ...] = (
    "incomparable",
    "regression",
    "missing",
    "inconclusive",
    "same",
    "improvement",
)


def overall_of(metrics: Mapping[MetricName, MetricComparison]) -> Overall:
    """The worst verdict of the gated metrics."""
    gated = {name: each.verdict for name, each in metrics.items() if each.gated}
    worst = min(gated.values(), key=WORST_FIRST.index)
    return Overall(worst, [name for name, verdict in gated.items() if verdict == worst])


def worst_of(comparisons: Sequence[CandidateComparison]) -> Overall:
    """The worst verdict of all candidates, and the metrics that have it in the first such candidate."""
    return min(
        (compared.overall for compared in comparisons), key=lambda each: WORST_FIRST.index(each.verdict)
    )


def comparisons_of(record: ComparisonRecord) -> list[CandidateComparison]:
    """Every candidate against the reference, in the order they were named."""
    first = CandidateComparison(
        candidate=record.candidate,
        metrics=record.metrics,
        overall=overall_of(record.metrics),
        mismatches=record.mismatches,
        allowed=record.allowed,
        drift=record.drift,
        warnings=record.warnings,
    )
    return [first, *record.others]
