"""What a comparison can find.

A change is found where its interval excludes 0 AND its estimate lies past the threshold. With a standard error s that
is itself estimated, by ``degrees`` degrees of freedom, the estimate must pass

    max(threshold, t x s)        s / standard error ~ sqrt(chi-square / degrees)

All on logarithms inside, relative outside: 0.03 is 3 %.
"""

from functools import lru_cache
from math import erfc, exp, expm1, log, log1p, sqrt

from pipebench.statistics.distributions import student_t_quantile

LEAST_LAUNCHES = (
    4  # with three a side, no order of the launches is rarer than 1 in 10, and no rank test can tell
)
DEFAULT_THRESHOLD = 0.03  # the relative change that matters, unless another one is given
_MOST_LAUNCHES = 100
_NODES = 48
_HALVINGS = 16  # of an interval a few times as wide as the answer: better than one part in a thousand
_MOST_LOG = 700.0  # e to this is still a number


def detection_power(
    effect: float,
    standard_error: float,
    degrees: float,
    *,
    threshold: float = DEFAULT_THRESHOLD,
    confidence: float = 0.95,
) -> float:
    """The probability that a true relative ``effect`` is found; the error is that of the difference of mean logs."""
    shift, least = log1p(effect), log1p(threshold)
    if standard_error == 0:
        return float(shift > least)
    critical = student_t_quantile((1 + confidence) / 2, degrees)
    return sum(
        weight * _normal_cdf(shift / standard_error - max(least / standard_error, critical * scale))
        for scale, weight in _chi_nodes(degrees)
    )


def minimum_detectable_effect(
    log_sd: float,
    launches: int,
    *,
    threshold: float = DEFAULT_THRESHOLD,
    power: float = 0.95,
    confidence: float = 0.95,
) -> float:
    """The smallest relative change found with ``power`` by ``launches`` a side whose logs spread by ``log_sd``."""
    error, degrees = log_sd * sqrt(2 / launches), 2 * launches - 2
    return detectable(error, degrees, threshold=threshold, power=power, confidence=confidence)


def detectable(
    standard_error: float,
    degrees: float,
    *,
    threshold: float = DEFAULT_THRESHOLD,
    power: float = 0.95,
    confidence: float = 0.95,
) -> float:
    """The same as ``minimum_detectable_effect``, for a standard error and degrees of freedom that were found."""
    critical = student_t_quantile((1 + confidence) / 2, degrees)
    low = log1p(threshold)
    if standard_error == 0:
        return threshold
    high = min(low + (3 * critical + 5) * standard_error, _MOST_LOG)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        found = detection_power(
            expm1(middle), standard_error, degrees, threshold=threshold, confidence=confidence
        )
        low, high = (middle, high) if found < power else (low, middle)
    return expm1(high)


def launches_needed(log_sd: float, half_width: float, *, confidence: float = 0.95) -> int | None:
    """The fewest launches a side, at least 4, whose interval is no wider than ``half_width`` either way.

    ``half_width`` is relative; a result of ``None`` stands for more than 100.
    """
    if _half_width(log_sd, _MOST_LAUNCHES, confidence) > log1p(half_width):
        return None
    low, high = LEAST_LAUNCHES, _MOST_LAUNCHES
    while low < high:
        middle = (low + high) // 2
        if _half_width(log_sd, middle, confidence) > log1p(half_width):
            low = middle + 1
        else:
            high = middle
    return low


def _normal_cdf(z: float) -> float:
    return erfc(-z / sqrt(2)) / 2


def _half_width(log_sd: float, launches: int, confidence: float) -> float:
    return student_t_quantile((1 + confidence) / 2, 2 * launches - 2) * log_sd * sqrt(2 / launches)


@lru_cache(maxsize=64)
def _chi_nodes(degrees: float) -> tuple[tuple[float, float], ...]:
    """Values of sqrt(chi-square / degrees) with their weights, by the midpoint rule."""
    reach = 8 / sqrt(2 * degrees)
    low, high = max(0.0, 1 - reach), 1 + reach
    scales = [low + (high - low) * (n + 0.5) / _NODES for n in range(_NODES)]
    densities = [exp((degrees - 1) * log(u) - degrees * (u * u - 1) / 2) for u in scales]
    total = sum(densities)
    return tuple((scale, density / total) for scale, density in zip(scales, densities, strict=True))
