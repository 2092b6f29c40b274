"""Places in memory for the slices of a step, in the order in which they come.

Slices that come together lie side by side. There is a place for each slice of a step. The first places are used again
whenever no slice has a place.
"""

from collections.abc import Iterable, Sequence

from pipebench.models.split import At


class Slots:
    """Which place each slice has."""

    def __init__(self) -> None:
        self._next = 0
        self._of: dict[At, int] = {}

    def take(self, slices: Sequence[At]) -> tuple[int, int]:
        """Give slices the next places, and return these as a range ``first`` to ``end - 1``."""
        if not self._of:
            self._next = 0
        first = self._next
        self._next += len(slices)
        self._of.update(zip(slices, range(first, self._next), strict=True))
        return first, self._next

    def ordered(self, slices: Iterable[At]) -> list[At]:
        """Slices in the order of their places."""
        return sorted(slices, key=self._of.__getitem__)

    def runs(self, ordered: Sequence[At]) -> list[tuple[int, int]]:
        """The places of slices that are ordered by them, as ranges ``first`` to ``end - 1``."""
        first = self._of[ordered[0]]
        last = self._of[ordered[-1]]
        if last - first == len(ordered) - 1:
            return [(first, last + 1)]
        places = [self._of[at] for at in ordered]
        starts = [n for n, place in enumerate(places) if n == 0 or place != places[n - 1] + 1]
        return [
            (places[start], places[end - 1] + 1)
            for start, end in zip(starts, [*starts[1:], len(places)], strict=True)
        ]

    def free(self, slices: Iterable[At]) -> None:
        """Give up the places of slices that wait no more."""
        for at in slices:
            del self._of[at]
