"""Signs that launches did not repeat one measurement: a trend in the order they ran, or two clusters."""

from collections.abc import Sequence
from math import expm1, inf, log, sqrt
from statistics import fmean, linear_regression
from typing import NamedTuple

from pipebench.statistics.distributions import student_t_cdf


class Trend(NamedTuple):
    """A straight line through the logarithms: relative ``rise`` from first to last, and p of "no slope"."""

    rise: float
    p_value: float


class Clusters(NamedTuple):
    """The best split in two, at least two launches each.

    ``apart`` is how much larger the upper mean is, relative; ``spreads`` how many standard deviations within the
    clusters that is.
    """

    apart: float
    spreads: float


def trend(values: Sequence[float]) -> Trend | None:
    """The trend of positive values in the order they were measured; ``None`` for fewer than four."""
    if len(values) < 4:
        return None
    logs, order = [log(value) for value in values], range(len(values))
    slope, intercept = linear_regression(order, logs)
    left = sum((y - intercept - slope * x) ** 2 for x, y in zip(order, logs, strict=True))
    degrees = len(logs) - 2
    middle = fmean(order)
    spread = sum((x - middle) ** 2 for x in order)
    error = sqrt(left / degrees / spread)
    p_value = 2 * student_t_cdf(-abs(slope) / error, degrees) if error else float(slope == 0)
    return Trend(expm1(slope * (len(logs) - 1)), p_value)


def clusters(values: Sequence[float]) -> Clusters | None:
    """The two clusters that leave the least spread within; ``None`` for fewer than six values."""
    if len(values) < 6:
        return None
    logs = sorted(log(value) for value in values)
    splits = [(logs[:cut], logs[cut:]) for cut in range(2, len(logs) - 1)]
    lower, upper = min(splits, key=lambda split: sum(map(_squares, split)))
    apart = fmean(upper) - fmean(lower)
    within = sqrt((_squares(lower) + _squares(upper)) / (len(logs) - 2))
    spreads = apart / within if within else inf if apart else 0.0
    return Clusters(expm1(apart), spreads)


def _squares(group: Sequence[float]) -> float:
    mean = fmean(group)
    return sum((value - mean) ** 2 for value in group)
