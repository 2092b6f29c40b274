"""Means of launches and ratios of two groups of launches, with their intervals by Student's t on the logarithms."""

import statistics
from collections.abc import Sequence
from math import exp, log, sqrt
from typing import NamedTuple

from pipebench.statistics.distributions import student_t_cdf, student_t_quantile


class Interval(NamedTuple):
    """An estimate with its bounds; the bounds are ``None`` where one launch tells nothing of the spread."""

    value: float
    low: float | None
    high: float | None


class GroupRatio(NamedTuple):
    """How much larger the geometric mean of one group is than that of another.

    ``p_value`` is of Welch's two-sided test that the ratio is 1; ``standard_error`` is that of the ratio's logarithm
    and ``degrees`` are its degrees of freedom. All but the value are ``None`` with fewer than two launches on a side.
    """

    value: float
    low: float | None
    high: float | None
    p_value: float | None
    standard_error: float | None
    degrees: float | None


def geometric_mean(values: Sequence[float]) -> float:
    """The exponential of the mean logarithm of positive values."""
    return exp(statistics.fmean(map(log, values)))


def ratio_interval(ratios: Sequence[float], *, confidence: float = 0.95) -> Interval:
    """The geometric mean of positive ratios, one a launch, with its two-sided t interval."""
    value = geometric_mean(ratios)
    if len(ratios) < 2:
        return Interval(value, None, None)
    logs = [log(ratio) for ratio in ratios]
    spread = statistics.stdev(logs) / sqrt(len(logs))
    half = student_t_quantile((1 + confidence) / 2, len(logs) - 1) * spread
    return Interval(value, value * exp(-half), value * exp(half))


def group_ratio(
    reference: Sequence[float], candidate: Sequence[float], *, confidence: float = 0.95
) -> GroupRatio:
    """Candidate / reference of positive values, one a launch, with Welch's interval: spreads may differ.

    Launches that do not differ at all have an interval of no width, and a p-value of 1 or 0.
    """
    logs = [[log(value) for value in group] for group in (reference, candidate)]
    difference = statistics.fmean(logs[1]) - statistics.fmean(logs[0])
    if min(len(group) for group in logs) < 2:
        return GroupRatio(exp(difference), None, None, None, None, None)
    parts = [statistics.variance(group) / len(group) for group in logs]
    error = sqrt(sum(parts))
    degrees = _welch_degrees(parts, [len(group) for group in logs])
    half = student_t_quantile((1 + confidence) / 2, degrees) * error
    p_value = _two_sided(difference, error, degrees)
    return GroupRatio(
        exp(difference), exp(difference - half), exp(difference + half), p_value, error, degrees
    )


def _welch_degrees(parts: Sequence[float], sizes: Sequence[int]) -> float:
    """Welch and Satterthwaite's degrees of freedom; ``parts`` are the variances of the two means."""
    total = sum(parts)
    if total == 0:
        return float(sum(sizes) - 2)
    return 1 / sum((part / total) ** 2 / (size - 1) for part, size in zip(parts, sizes, strict=True))


def _two_sided(difference: float, error: float, degrees: float) -> float:
    if error == 0:
        return 1.0 if difference == 0 else 0.0
    return 2 * student_t_cdf(-abs(difference) / error, degrees)
