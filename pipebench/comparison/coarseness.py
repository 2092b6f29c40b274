"""How finely a command prints: a change that is no larger than a step between its values may be rounding alone.

round(x, 2) makes 0.10 and 0.11 of 0.1045 and 0.1055: a change of one percent looks like ten.
"""

from collections.abc import Collection
from decimal import Decimal
from itertools import pairwise
from math import inf
from typing import NamedTuple

_FINE = 1e-6  # a last digit that is this small, relative to the value, decides no verdict
_ROUNDING = 1e-9


class Grain(NamedTuple):
    """How finely a side's values are printed: one unit of the last digit, and the smallest step between two values.

    ``step`` is known only where values repeat, as those of a coarse clock do.
    """

    digit: float
    step: float | None = None


def grain_of(values: Collection[float]) -> Grain:
    """The grain of a side's values, all above 0."""
    different = sorted(set(values))
    steps = [after - before for before, after in pairwise(different)]
    comes_back = 2 * len(different) <= len(values)
    return Grain(_last_digit(different), min(steps, default=None) if comes_back else None)


def is_rounding(reference: float, candidate: float, seen: float, threshold: float) -> bool:
    """Whether rounding alone may explain how two means differ, or may hide a change that matters.

    Args:
        reference: a side's mean.
        candidate: the other side's mean.
        seen: the smallest change that can be seen, in the same unit.
        threshold: the change that matters, relative to the reference.
    """
    if reference == candidate:
        return seen > threshold * reference
    return seen > threshold * reference and not is_beyond(candidate - reference, seen)


def resolution(one: Grain, other: Grain) -> float:
    """The smallest change that can be seen between two sides, in the metric's unit."""
    digit = min(one.digit, other.digit)
    step = min(one.step or inf, other.step or inf)
    return digit if step == inf else max(digit, step)


def is_beyond(change: float, seen: float) -> bool:
    """Whether a change is larger than what can be seen."""
    return abs(change) > seen * (1 + _ROUNDING) + _ROUNDING * abs(change)


def _last_digit(values: Collection[float]) -> float:
    """One unit of the last digit of the value with most digits behind the point; 1 for whole numbers."""
    least = 1.0
    for value in values:
        exponent = Decimal(repr(value)).normalize().as_tuple().exponent
        assert isinstance(exponent, int)
        least = min(least, 10.0 ** min(exponent, 0))
        if least <= _FINE * value:
            break
    return least
