"""Where a series of runs changed its level.

A change that was undone does not show in a split of the whole series, so splits are looked for in stretches of many
lengths (seeded binary segmentation, Kovacs et al. 2023). The split whose ranks differ most shows that there is a
change. The split that leaves least variance, in that stretch or in the whole series, tells where: by ranks alone it
would be pulled to the middle. The surest of these splits is a change point if

    its Mann-Whitney p-value, times the number of splits that were looked at, stays below the level
    the two levels differ by more than the threshold

and then each side is looked at again. A single outlier makes no change point, and few series without a change have one.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from math import log, sqrt
from statistics import fmean
from typing import NamedTuple

from pipebench.statistics.intervals import geometric_mean
from pipebench.statistics.power import DEFAULT_THRESHOLD
from pipebench.statistics.ranks import doubled_ranks, mann_whitney

_LEAST = 4  # values on either side of a change
_SHORTER = 1.5  # how much longer a stretch is than the next shorter ones


class ChangePoint(NamedTuple):
    """The first value of the new level, both levels (geometric means), and the adjusted p-value."""

    position: int
    before: float
    after: float
    p_value: float


class _Split(NamedTuple):
    """A stretch, the position that splits it, and how far the ranks are from chance, in their own spread."""

    start: int
    cut: int
    end: int
    distance: float

    def parts(self, values: Sequence[float]) -> tuple[Sequence[float], Sequence[float]]:
        """What lies before and after it."""
        return values[self.start : self.cut], values[self.cut : self.end]


def change_points(
    values: Sequence[float], *, level: float = 0.01, threshold: float = DEFAULT_THRESHOLD
) -> list[ChangePoint]:
    """The changes of a series of positive values, first to last; their levels are those between changes."""
    cuts = sorted(_cuts(values, 0, level, threshold))
    borders = [0, *(cut for cut, _ in cuts), len(values)]
    levels = [geometric_mean(values[start:end]) for start, end in pairwise(borders)] if cuts else []
    return [
        ChangePoint(cut, levels[number], levels[number + 1], p_value)
        for number, (cut, p_value) in enumerate(cuts)
    ]


def _cuts(values: Sequence[float], offset: int, level: float, threshold: float) -> list[tuple[int, float]]:
    """Where the values are cut, counted from ``offset``, with the adjusted p-values."""
    stretches = list(_stretches(len(values)))
    if not stretches:
        return []
    looked_at = _looked_at(stretches)
    best = max((_clearest(values, *stretch) for stretch in stretches), key=lambda split: split.distance)

    sharp = [_Split(s, s + _sharpest(values[s:e]), e, 0.0) for s, e in ((best.start, best.end), stretches[0])]
    p_values = {split: mann_whitney(*split.parts(values)) for split in (best, *sharp)}
    surest = min(p_values, key=p_values.__getitem__)
    if surest is best:  # sure that there is one; the sharper split of the same stretch says where
        surest = sharp[0]
    cut, (before, after) = surest.cut, surest.parts(values)
    p_value = min(1.0, min(p_values.values()) * looked_at)
    if p_value > level or abs(geometric_mean(after) / geometric_mean(before) - 1) <= threshold:
        return []
    return [
        *_cuts(values[:cut], offset, level, threshold),
        (offset + cut, p_value),
        *_cuts(values[cut:], offset + cut, level, threshold),
    ]


def runs_needed(before: int, *, level: float = 0.01) -> int | None:
    """How many runs at another level must follow ``before`` for that to be found; ``None`` if no number is enough."""
    for after in range(_LEAST, max(before, 2 * _LEAST) + 1 if before >= _LEAST else 0):
        looked_at = _looked_at(list(_stretches(before + after)))
        if mann_whitney(range(before), range(before, before + after)) * looked_at <= level:
            return after
    return None


def _looked_at(stretches: Sequence[tuple[int, int]]) -> int:
    """How many splits there are in the stretches."""
    return sum(end - start - 2 * _LEAST + 1 for start, end in stretches)


def _sharpest(values: Sequence[float]) -> int:
    """The split that leaves the least variance within its parts; the most extreme values weigh as the next ones."""
    logs = [log(value) for value in values]
    low, high = sorted(logs)[1], sorted(logs)[-2]
    middle = fmean(logs)
    sums = list(accumulate(min(max(value, low), high) - middle for value in logs))
    number, total = len(logs), sums[-1]

    def between(cut: int) -> float:
        return sums[cut - 1] ** 2 / cut + (total - sums[cut - 1]) ** 2 / (number - cut)

    return max(range(_LEAST, number - _LEAST + 1), key=between)


def _stretches(number: int) -> Iterator[tuple[int, int]]:
    """The whole series, then shorter and shorter stretches that overlap by half."""
    length = float(number)
    while length >= 2 * _LEAST:
        size = int(length)
        starts = range(0, number - size + 1, max(size // 2, 1))
        yield from ((start, start + size) for start in starts)
        if starts[-1] + size < number:
            yield number - size, number
        length /= _SHORTER


def _clearest(values: Sequence[float], start: int, end: int) -> _Split:
    """The split of a stretch whose first part's rank sum is furthest from what chance makes it."""
    number = end - start
    sums = list(accumulate(doubled_ranks(values[start:end])))

    def distance(cut: int) -> float:
        spread = sqrt(cut * (number - cut) * (number + 1) / 12)
        return abs(sums[cut - 1] / 2 - cut * (number + 1) / 2) / spread

    cut = max(range(_LEAST, number - _LEAST + 1), key=distance)
    return _Split(start, start + cut, end, distance(cut))
