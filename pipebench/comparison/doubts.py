"""Signs that a record's launches did not repeat one measurement. A doubt never changes a verdict of regression."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pipebench.comparison.metrics import Sample, metric_named
from pipebench.diagnosis.warnings import FAULTS_A_STEP, unthrottled
from pipebench.records.command import Comparable
from pipebench.records.comparison import MetricName
from pipebench.records.run import CompletedRun
from pipebench.records.terms import Terms, terms_of
from pipebench.statistics import clusters, trend
from pipebench.warning_codes import WarningCode

_SURE = 0.01  # the chance that launches without a trend show one
# Spreads between two clusters: by chance, one run in seventy has as many if it has six launches, fewer if it has more.
_SPREADS = 8


class Doubt(NamedTuple):
    """A reason to believe less, for one metric or for all (``None``)."""

    code: WarningCode
    cause: str
    next_step: str
    metric: MetricName | None = None


def doubts(
    record: Comparable, found: Mapping[MetricName, Sample], thresholds: Mapping[MetricName, float]
) -> list[Doubt]:
    """All doubts about a record's launches; an effect too small to matter at the thresholds raises none."""
    if not found:
        return []
    seen: set[str] = set()
    by_metric: list[Doubt] = []
    for name, sample in found.items():
        if sample.source not in seen:  # another metric of the same source is as doubtful
            seen.add(sample.source)
            by_metric += _of_values(name, sample, thresholds[name], terms_of(record))
    return [*_of_a_run(record), *by_metric] if isinstance(record, CompletedRun) else by_metric


def concerning(
    all_doubts: Sequence[Doubt], metric: MetricName, found: Mapping[MetricName, Sample]
) -> list[Doubt]:
    """The doubts that concern a metric: those about the whole run, and those about any metric of the same source."""
    source = found[metric].source
    return [doubt for doubt in all_doubts if doubt.metric is None or found[doubt.metric].source == source]


def _of_a_run(record: CompletedRun) -> Iterator[Doubt]:
    yield from _throttled(record)
    yield from _page_faults(record)


def _throttled(record: CompletedRun) -> Iterator[Doubt]:
    """A doubt if the run saw the device slow itself down; samples cannot show it."""
    if any(warning.code == WarningCode.THROTTLED for warning in record.warnings):
        reasons = (
            str(value) for key, value in record.environment.items() if key.endswith("throttle_reasons")
        )
        yield Doubt(
            WarningCode.THROTTLED,
            "the device slowed itself down while it was measured",
            f"{unthrottled(', '.join(reasons))}; then run again",
        )


def _page_faults(record: CompletedRun) -> Iterator[Doubt]:
    worst = max(
        (launch.page_faults or 0) / (len(launch.baseline.step_s) + len(launch.pipeline.step_s))
        for launch in record.launches
    )
    if worst > FAULTS_A_STEP:
        yield Doubt(
            WarningCode.PAGE_FAULTS, f"a launch met {worst:,.0f} new memory pages a step", "run again"
        )


def _of_values(name: MetricName, sample: Sample, threshold: float, terms: Terms) -> Iterator[Doubt]:
    if min(sample.values) <= 0:
        return
    line, split = trend(sample.values), clusters(sample.values)
    title = metric_named(name, terms).title(terms)
    if split and split.spreads >= _SPREADS and split.apart > threshold:
        cause = f"{title} of the launches falls into two clusters, {100 * split.apart:.1f} % apart"
        yield Doubt(
            WarningCode.BIMODAL, cause, "find what differs between launches (core, clocks, neighbours)", name
        )
    elif line and line.p_value < _SURE and abs(line.rise) > threshold / 2:
        cause = f"{title} changes by {100 * line.rise:+.1f} % from the first launch to the last"
        yield Doubt(WarningCode.DRIFT, cause, "run again once the machine is in a steady state", name)
