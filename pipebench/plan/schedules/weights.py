"""The slices of one stage that wait for W, and the next cell of them: as large as it may be.

    microbatch 0   . . . . w w w .       w: I ran, W has not
    microbatch 1   . . . . w w w w       a cell of at most 4 slices: 0.4-6, then 1.4-7

A cell is a rectangle: chunks of one microbatch. If a whole row of chunks fits in, the next microbatches that have the
same row are added.
"""

from typing import NamedTuple


class Rectangle(NamedTuple):
    """Places ``low`` to ``high`` in the row of a stage's chunks, of ``microbatches`` from ``microbatch`` on."""

    microbatch: int
    microbatches: int
    low: int
    high: int

    @property
    def slices(self) -> int:
        """The number of its slices."""
        return self.microbatches * (self.high - self.low + 1)


class Weights:
    """The slices of one stage between I and W.

    Args:
        left: how many slices have not had their I.
    """

    def __init__(self, left: int) -> None:
        self.left = left
        self.waiting = 0
        self._rows: dict[int, list[list[int]]] = {}  # rows [low, high] of each microbatch, oldest first

    def add(self, microbatch: int, low: int, high: int) -> None:
        """Add the slices at these places, whose I has run."""
        number = high - low + 1
        self.left -= number
        self.waiting += number
        rows = self._rows.setdefault(microbatch, [])
        if rows and rows[-1][0] == high + 1:
            rows[-1][0] = low
        elif rows and rows[-1][1] == low - 1:
            rows[-1][1] = high
        else:
            rows.append([low, high])

    def largest(self, most: float) -> Rectangle:
        """The next cell, of at most ``most`` slices."""
        microbatch, rows = next(iter(self._rows.items()))
        low, high = rows[0]
        if high - low + 1 > most:
            return Rectangle(microbatch, 1, high - int(most) + 1, high)
        number, width = 1, high - low + 1
        while (number + 1) * width <= most and self._has(microbatch + number, low, high):
            number += 1
        return Rectangle(microbatch, number, low, high)

    def _has(self, microbatch: int, low: int, high: int) -> bool:
        rows = self._rows.get(microbatch)
        return bool(rows) and rows[0][1] == high and rows[0][0] <= low  # type: ignore[index]

    def take(self, cell: Rectangle) -> None:
        """Remove the slices of a cell, whose W runs now."""
        self.waiting -= cell.slices
        for microbatch in range(cell.microbatch, cell.microbatch + cell.microbatches):
            rows = self._rows[microbatch]
            rows[0][1] = cell.low - 1
            if rows[0][1] < rows[0][0]:
                rows.pop(0)
            if not rows:
                del self._rows[microbatch]
