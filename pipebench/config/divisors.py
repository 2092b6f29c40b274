"""The divisors of a size, for what must cut it into equal parts. Pure."""

from math import isqrt


def largest_divisor(size: int, limit: int) -> int:
    """The largest divisor of ``size`` that is at most ``limit``."""
    return max(value for value in _divisors(size) if value <= limit)


def divisor_above(size: int, limit: int) -> int:
    """The smallest divisor of ``size`` that is at least ``limit``, which is at most ``size``."""
    return min(value for value in _divisors(size) if value >= limit)


def _divisors(size: int) -> set[int]:
    small = [value for value in range(1, isqrt(size) + 1) if size % value == 0]
    return {*small, *(size // value for value in small)}
