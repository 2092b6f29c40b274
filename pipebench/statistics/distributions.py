"""Student's t distribution, with degrees of freedom that need not be whole."""

from math import exp, inf, lgamma, log, log1p, pi

_ENOUGH = 1e-13  # relative change of a quantile that ends the search
_SETTLED = 4e-16  # relative change of a continued fraction that ends it: the last bit


def student_t_quantile(probability: float, degrees: float) -> float:
    """The t that a Student variable stays below with ``probability`` (0 < p < 1).

    Newton's method within a bracket; a step that would leave the bracket halves it instead.
    """
    assert 0 < probability < 1
    assert degrees > 0
    if probability < 0.5:
        return -student_t_quantile(1 - probability, degrees)
    low, high = 0.0, 1.0
    while student_t_cdf(high, degrees) < probability:
        low, high = high, 2 * high
    t = (low + high) / 2
    for _ in range(200):
        error = student_t_cdf(t, degrees) - probability
        low, high = (t, high) if error < 0 else (low, t)
        previous, t = t, t - error / student_t_density(t, degrees)
        if not low < t < high:
            t = (low + high) / 2
        if abs(t - previous) <= _ENOUGH * abs(t):
            break
    return t


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
        if abs(d * c - 1) < _SETTLED:
            break
    return result
