"""The Mann-Whitney test: whether one group's launches lie above the other's, whatever their distribution.

Exact: of all ways to deal the pooled launches out to two groups of these sizes, the share whose rank sum is as
extreme. Ties have their mean rank, and count in the permutations as they are. The counts are the coefficients of

    product over launches of (1 + y x^rank)      y: one more launch in the first group, x: its rank

kept for each power of y as one long integer whose fields of ``bits`` bits are the coefficients of x.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from math import comb, sqrt
from statistics import NormalDist

EXACT_UP_TO = (
    60 * 30
)  # launches in all times those of the smaller group, some 10 ms; above it the normal approximation


def mann_whitney(first: Sequence[float], second: Sequence[float]) -> float:
    """The two-sided p-value: twice the smaller tail, at most 1. Exact for up to 30 launches a side, or 4 and 446.

    Above that: the normal approximation with the corrections for continuity and ties.
    """
    assert first
    assert second
    few, many = sorted((first, second), key=len)
    ranks = doubled_ranks([*few, *many])
    if len(ranks) * len(few) > EXACT_UP_TO:
        return _approximate(ranks, len(few))
    return _exact(ranks, len(few))


def doubled_ranks(values: Sequence[float]) -> list[int]:
    """Twice each value's rank, a tie's being the mean of the ranks it spans: whole numbers."""
    ordered = sorted(values)
    return [bisect_left(ordered, value) + bisect_right(ordered, value) + 1 for value in values]


def _exact(ranks: Sequence[int], size: int) -> float:
    observed, total = sum(ranks[:size]), comb(len(ranks), size)
    counts = _rank_sums(ranks, size)
    below = sum(count for rank_sum, count in counts.items() if rank_sum <= observed)
    above = sum(count for rank_sum, count in counts.items() if rank_sum >= observed)
    return min(2 * min(below, above) / total, 1.0)


def _rank_sums(ranks: Sequence[int], size: int) -> dict[int, int]:
    """In how many ways ``size`` of the ranks have each sum."""
    bits = comb(len(ranks), size).bit_length()
    powers = [1] + [0] * size
    for rank in ranks:
        for chosen in range(size, 0, -1):
            powers[chosen] += powers[chosen - 1] << (bits * rank)
    field = (1 << bits) - 1
    packed = powers[size]
    return {n: (packed >> (bits * n)) & field for n in range(packed.bit_length() // bits + 1)}


def _approximate(ranks: Sequence[int], size: int) -> float:
    number = len(ranks)
    other = number - size
    statistic = sum(ranks[:size]) / 2 - size * (size + 1) / 2
    ties = sum(count**3 - count for count in Counter(ranks).values())
    variance = size * other / 12 * (number + 1 - ties / (number * (number - 1)))
    if variance == 0:
        return 1.0
    distance = max(abs(statistic - size * other / 2) - 0.5, 0.0)
    return 2 * NormalDist().cdf(-distance / sqrt(variance))
