"""From one metric's launches of two records to a verdict.

    -threshold                0                 threshold
        |                     |                     |
        |            [--------x-------]             |      same: the interval lies inside the threshold
    [---x---]                 |                     |      regression: beyond 0 AND the estimate past the threshold
        |                     |     [---------x---------]  improvement: beyond 0 on the good side
        |      [--------------x----------------------]     inconclusive: too wide to tell

In this picture more is better. Welch's test, with Holm's adjustment over the gated metrics, decides what is beyond 0,
so it is at least as strict as the interval shown. "Same" is equivalence, not lack of proof.
"""

from collections.abc import Mapping, Sequence
from math import inf, sqrt
from statistics import fmean
from typing import NamedTuple

from pipebench.comparison.doubts import Doubt
from pipebench.comparison.metrics import ONE_VALUE, Sample, metric_named
from pipebench.records.comparison import MetricComparison, MetricName, Verdict
from pipebench.records.terms import Terms
from pipebench.statistics import (
    GroupRatio,
    geometric_mean,
    group_ratio,
    holm,
    launches_needed,
    mann_whitney,
)
from pipebench.statistics.power import LEAST_LAUNCHES, detectable
from pipebench.warning_codes import WarningCode

LEVEL = 0.05  # how often a gate may find a difference where there is none; 1 - the interval's confidence

TOO_FEW = "too-few-launches"


class Estimate(NamedTuple):
    """A metric's launches on both sides and the ratio of their means; no ratio where a value is not above 0.

    ``level`` is the test's, and 1 - the interval's confidence.
    """

    metric: MetricName
    reference: Sample
    candidate: Sample
    ratio: GroupRatio | None
    level: float = LEVEL
    terms: Terms = Terms()

    @property
    def higher_is_better(self) -> bool:
        """Whether more is better for this metric."""
        return metric_named(self.metric, self.terms).higher_is_better

    @property
    def launches(self) -> tuple[int, int]:
        """How many launches each side has."""
        return len(self.reference.values), len(self.candidate.values)

    @property
    def hypothesis(self) -> tuple[str, float]:
        """The question that its test asks; throughput and seconds a step ask the same."""
        return self.reference.source, self.candidate.factor / self.reference.factor

    @property
    def change(self) -> float | None:
        """The relative change from the reference; ``None`` without a ratio."""
        return self.ratio.value - 1 if self.ratio else None

    @property
    def log_sd(self) -> float | None:
        """The spread of one launch's logarithm, over both sides."""
        if self.ratio is None or self.ratio.standard_error is None:
            return None
        return self.ratio.standard_error / sqrt(sum(1 / number for number in self.launches))


def estimate(
    metric: MetricName,
    reference: Sample,
    candidate: Sample,
    *,
    level: float = LEVEL,
    terms: Terms = Terms(),  # noqa: B008 - it never changes
) -> Estimate:
    """The ratio of the launches' geometric means."""
    positive = min(*reference.values, *candidate.values) > 0
    ratio = group_ratio(reference.values, candidate.values, confidence=1 - level) if positive else None
    return Estimate(metric, reference, candidate, ratio, level, terms)


def adjusted(
    estimates: Mapping[MetricName, Estimate], gated: Sequence[MetricName]
) -> dict[MetricName, float | None]:
    """Each metric's p-value after Holm's adjustment over the gated ones; metrics of the same question share it."""
    raw = {name: each.ratio.p_value if each.ratio else None for name, each in estimates.items()}
    family = {
        each.hypothesis: p
        for each in (estimates[name] for name in gated if name in estimates)
        if (p := raw[each.metric]) is not None
    }
    shared = holm(family)
    return {name: shared.get(estimates[name].hypothesis, p) for name, p in raw.items()}


def questions_of(estimates: Mapping[MetricName, Estimate], gated: Sequence[MetricName]) -> int:
    """How many different questions the gates ask, at least 1."""
    return len({estimates[name].hypothesis for name in gated if name in estimates}) or 1


def verdict_on(
    measured: Estimate,
    *,
    threshold: float,
    gated: bool,
    adjusted_p_value: float | None,
    doubts: Sequence[Doubt],
    questions: int = 1,
) -> MetricComparison:
    """The verdict on a metric that both records have, when nothing hard differs between them.

    ``questions`` is how many all gates ask together. The strictest of Holm's levels follows from it; the note and the
    detectable change go by that.
    """
    verdict, reason = _verdict(measured, threshold, adjusted_p_value, doubts)
    ratio = measured.ratio
    return MetricComparison(
        verdict=verdict,
        reason=reason,
        note=_note(measured, threshold, reason, adjusted_p_value, questions),
        change=measured.change,
        low=ratio.low - 1 if ratio and ratio.low is not None else None,
        high=ratio.high - 1 if ratio and ratio.high is not None else None,
        threshold=threshold,
        gated=gated,
        reference=middle(measured.reference),
        candidate=middle(measured.candidate),
        launches=list(measured.launches),
        p_value=ratio.p_value if ratio else None,
        adjusted_p_value=adjusted_p_value,
        rank_p_value=mann_whitney(measured.reference.values, measured.candidate.values),
        detectable=_detectable(measured, threshold, questions) if gated else None,
    )


def without_change(
    verdict: Verdict,
    reason: str,
    *,
    threshold: float,
    gated: bool,
    sides: tuple[Sample | None, Sample | None],
    note: str | None = None,
) -> MetricComparison:
    """A metric that cannot be compared: its values, where there are any, and no change."""
    return MetricComparison(
        verdict=verdict,
        reason=reason,
        note=note,
        change=None,
        low=None,
        high=None,
        threshold=threshold,
        gated=gated,
        reference=middle(sides[0]) if sides[0] else None,
        candidate=middle(sides[1]) if sides[1] else None,
        launches=[len(side.values) if side else 0 for side in sides],
        p_value=None,
        adjusted_p_value=None,
        rank_p_value=None,
        detectable=None,
    )


def middle(sample: Sample) -> float:
    """The geometric mean over launches; the arithmetic one where a value is 0, as a bubble may be."""
    if len(set(sample.values)) == 1:
        return sample.values[0]  # without rounding: a peak is a whole number of bytes
    return geometric_mean(sample.values) if min(sample.values) > 0 else fmean(sample.values)


def _verdict(
    measured: Estimate, threshold: float, p_value: float | None, doubts: Sequence[Doubt]
) -> tuple[Verdict, str | None]:
    ratio = measured.ratio
    if min(measured.launches) < LEAST_LAUNCHES:
        return "inconclusive", TOO_FEW
    if ratio is None:
        return _verdict_with_zeros(measured, doubts)
    assert ratio.low is not None
    assert ratio.high is not None
    assert p_value is not None
    change = ratio.value - 1
    worse = -change if measured.higher_is_better else change
    beyond = p_value < measured.level
    if beyond and worse > threshold:
        return "regression", None
    inside = -threshold < ratio.low - 1 and ratio.high - 1 < threshold
    if not inside and not (beyond and worse < 0):
        return "inconclusive", WarningCode.WIDE_INTERVAL
    if doubts:
        return "inconclusive", doubts[0].code
    return ("same" if inside else "improvement"), None


def _verdict_with_zeros(measured: Estimate, doubts: Sequence[Doubt]) -> tuple[Verdict, str | None]:
    """The verdict where there is no ratio: the same, if all values of both sides are 0."""
    if any(measured.reference.values) or any(measured.candidate.values):
        return "inconclusive", "not-above-zero"
    return ("inconclusive", doubts[0].code) if doubts else ("same", None)


def _note(
    measured: Estimate,
    threshold: float,
    reason: str | None,
    adjusted_p_value: float | None,
    questions: int,
) -> str | None:
    """What would make it conclusive."""
    if reason == "not-above-zero":
        return "some values are 0: there is no relative change"
    if reason not in {TOO_FEW, WarningCode.WIDE_INTERVAL}:
        return None
    one, other = measured.launches
    there = f"there are {one} and {other}"
    if 1 in measured.launches and {measured.reference.source, measured.candidate.source} & ONE_VALUE:
        return "an older record has one value of it instead of one a launch: measure that one again"
    if measured.log_sd is None:
        return f"need >= {LEAST_LAUNCHES} launches a record; {there}"
    enough = needed(measured, threshold, questions)
    many = "> 100" if enough is None else f">= {enough}"
    return f"{_holm(measured, adjusted_p_value)}need {many} launches a record at this noise; {there}"


def needed(measured: Estimate, threshold: float, questions: int) -> int | None:
    """The launches a side that would tell, more than there are; ``None``: over 100, or nothing tells the noise."""
    if measured.log_sd is None:
        return None
    wanted, level = _half_width_wanted(measured, threshold, questions)
    found = launches_needed(measured.log_sd, wanted, confidence=1 - level)
    return None if found is None else max(found, min(measured.launches) + 1)


def _holm(measured: Estimate, adjusted_p_value: float | None) -> str:
    """Why an interval that excludes 0 is not enough, where several gates together ask for more."""
    raw = measured.ratio.p_value if measured.ratio else None
    if raw is None or adjusted_p_value is None or not raw < measured.level <= adjusted_p_value:
        return ""
    return f"0 lies outside the interval, but p is {adjusted_p_value:.2f} over all gates (Holm); "


def _half_width_wanted(measured: Estimate, threshold: float, questions: int) -> tuple[float, float]:
    """The half width that the interval needs for a verdict, if the estimate stays, and the level of that interval.

    The interval must then lie inside the threshold, or must not contain 0.
    """
    assert measured.change is not None
    size = abs(measured.change)
    if size < threshold:
        return max(threshold - size, threshold / 20), measured.level
    return size, measured.level / questions


def _detectable(measured: Estimate, threshold: float, questions: int) -> float | None:
    ratio = measured.ratio
    if ratio is None or ratio.standard_error is None or ratio.degrees is None:
        return None
    if min(measured.launches) < LEAST_LAUNCHES:
        return None  # so few launches show no change at all
    confidence = 1 - measured.level / questions
    found = detectable(ratio.standard_error, ratio.degrees, threshold=threshold, confidence=confidence)
    return as_change(found, higher_is_better=measured.higher_is_better) if found < inf else None


def as_change(longer: float, *, higher_is_better: bool) -> float:
    """The relative loss of a metric whose values are ``1 + longer`` times apart: half the items/s is a loss of 50 %."""
    return longer / (1 + longer) if higher_is_better else longer
