"""How finely a command prints: a change that is no larger than a step between its values may be rounding alone.

round(x, 2) of 0.1045 and 0.1055 is 0.10 and 0.11: ten percent, and the truth is one
"""

from collections.abc import Collection
from decimal import Decimal
from itertools import pairwise
from math import inf
from typing import NamedTuple

_FINE = 1e-6  # one unit of the last digit, relative to the value, that no verdict hangs on
_ROUNDING = 1e-9


class Grain(NamedTuple):
    """Of a side's values: one unit of the last digit that any of them has, and the smallest step between two.

    ``step`` is there where values come back, as those of a coarse clock do.
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
    """Whether two means differ as rounding alone may make them, or agree though a change that matters may be hidden.

    Args:
        reference: a side's mean.
        candidate: the other one's.
        seen: the smallest change that can be seen, in the same unit.
        threshold: relative to the reference, above which a change matters.
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
    """Of the value with most digits behind the point; a whole number's last digit is that of ones."""
    least = 1.0
    for value in values:
        exponent = Decimal(repr(value)).normalize().as_tuple().exponent
        assert isinstance(exponent, int)
        least = min(least, 10.0 ** min(exponent, 0))
        if least <= _FINE * value:
            break
    return least
