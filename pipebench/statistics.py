"""Statistics of launches. Pure; tested against scipy.

The replicate is the launch. A speed-up is the geometric mean over launches of each launch's ratio, with the
interval of Student's t on the logarithms: ratios are positive, and their errors multiply.
"""

import statistics
from collections.abc import Sequence
from math import exp, inf, lgamma, log, log1p, sqrt
from typing import NamedTuple


class Interval(NamedTuple):
    """An estimate with its bounds; the bounds are ``None`` where one launch tells nothing of the spread."""

    value: float
    low: float | None
    high: float | None


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


def student_t_quantile(probability: float, degrees: float) -> float:
    """The t that a Student variable stays below with ``probability`` (0 < p < 1), by bisection."""
    assert 0 < probability < 1
    assert degrees > 0
    if probability < 0.5:
        return -student_t_quantile(1 - probability, degrees)
    low, high = 0.0, 1.0
    while student_t_cdf(high, degrees) < probability:
        low, high = high, 2 * high
    while high - low > 1e-13 * high:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if student_t_cdf(middle, degrees) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def student_t_cdf(t: float, degrees: float) -> float:
    """P(T <= t) for Student's t distribution."""
    if t == inf:
        return 1.0
    tail = 0.5 * incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t))
    return 1 - tail if t > 0 else tail


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), for a, b > 0 and 0 <= x <= 1."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, 1 - x)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    return front * _beta_fraction(a, b, x)


def _beta_fraction(a: float, b: float, x: float) -> float:
    """Its continued fraction by Lentz's method (Numerical Recipes, 3rd edition, section 6.4)."""
    tiny = 1e-300
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > tiny else tiny)
    result = d
    for m in range(1, 10_000):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + numerator * d
            d = 1 / (d if abs(d) > tiny else tiny)
            c = 1 + numerator / c
            c = c if abs(c) > tiny else tiny
            result *= d * c
        if abs(d * c - 1) < 1e-16:
            break
    return result
