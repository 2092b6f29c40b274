"""Where an axis has its ticks: round values, few enough that their words do not meet."""

from math import ceil, floor, log2, log10

_ROUND = (1, 2, 5, 10)


def ticks(end: float, most: int) -> list[float]:
    """Ticks from 0 up to ``end``, at equal steps of 1, 2 or 5 times a power of ten, with at most ``most`` steps."""
    if not end:
        return [0.0]
    rough = end / most
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in _ROUND if power * factor >= rough * (1 - 1e-9))
    return [number * step for number in range(floor(end / step * (1 + 1e-9)) + 1)]


def unit_of(end_s: float) -> tuple[float, str]:
    """The unit in which times up to ``end_s`` read best: its length in seconds, and its name."""
    return next(
        ((size, name) for size, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")) if end_s >= size),
        (1.0, "s"),
    )


def doublings(low: float, high: float) -> list[float]:
    """Ticks of a logarithmic axis: powers of 2 within two ends, at most seven of them."""
    first, last = ceil(log2(low) - 1e-9), floor(log2(high) + 1e-9)
    step = max(-(-(last - first) // 6), 1)
    return [2.0**exponent for exponent in range(first, last + 1) if exponent % step == 0]
