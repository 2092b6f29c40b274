"""Student's t distribution, with degrees of freedom that need not be whole."""

from functools import lru_cache
from math import exp, inf, lgamma, log, log1p, pi
from statistics import NormalDist

_ENOUGH = 1e-13  # relative change of a quantile that ends the search
_SETTLED = 4e-16  # relative change of a continued fraction that ends it: the last bit


@lru_cache(maxsize=256)
def student_t_quantile(probability: float, degrees: float) -> float:
    """The t that a Student variable stays below with ``probability`` (0 < p < 1).

    Newton's method on the upper tail, which is convex: a start too far right lands on the left of the quantile, and
    from the left every step falls short of it, so that nothing needs to be bracketed.
    """
    assert 0 < probability < 1
    assert degrees > 0
    if probability < 0.5:
        return -student_t_quantile(1 - probability, degrees)
    tail, t = 1 - probability, _first_guess(probability, degrees)
    for _ in range(200):
        step = (student_t_cdf(-t, degrees) - tail) / student_t_density(t, degrees)
        t += step
        if abs(step) <= _ENOUGH * t:
            break
    return t


def _first_guess(probability: float, degrees: float) -> float:
    """The normal quantile, corrected for the degrees of freedom where there are enough (Abramowitz 26.7.5)."""
    z = NormalDist().inv_cdf(probability)
    if degrees < 3:
        return z
    return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)


def student_t_density(t: float, degrees: float) -> float:
    """The density of Student's t distribution."""
    scale = lgamma((degrees + 1) / 2) - lgamma(degrees / 2) - log(degrees * pi) / 2
    return exp(scale - (degrees + 1) / 2 * log1p(t * t / degrees))


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
    """The continued fraction of the beta function by Lentz's method (Numerical Recipes, 3rd edition, section 6.4)."""
    c, d = 1.0, 1 / _not_zero(1 - (a + b) * x / (a + 1))
    result = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        c, d = _not_zero(1 + even / c), 1 / _not_zero(1 + even * d)
        result *= c * d
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        c, d = _not_zero(1 + odd / c), 1 / _not_zero(1 + odd * d)
        result *= c * d
        if abs(c * d - 1) < _SETTLED:
            break
    return result


def _not_zero(value: float) -> float:
    return value or 1e-300
