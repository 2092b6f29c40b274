"""Lanes: rows of slices, in which no two slices overlap."""

from collections.abc import Iterable
from heapq import heappop, heappush
from operator import itemgetter
from typing import NamedTuple

from pipebench.render.perfetto.events import Slice


class Lane(NamedTuple):
    """A row of a device: what it is called, and its slices, first to last."""

    name: str
    slices: list[Slice]


def lanes_of(name: str, slices: Iterable[Slice]) -> list[Lane]:
    """As few lanes as hold the slices, each in the first lane that is free; those after the first are numbered."""
    rows: list[list[Slice]] = []
    free: list[int] = []
    taken: list[tuple[int, int]] = []  # when it ends, and which row
    for each in sorted(slices, key=itemgetter(0, 1)):
        while taken and taken[0][0] <= each.start_ns:
            heappush(free, heappop(taken)[1])
        if not free:
            free.append(len(rows))
            rows.append([])
        row = heappop(free)
        rows[row].append(each)
        heappush(taken, (each.end_ns, row))
    return [
        Lane(name if number == 1 else f"{name} {number}", row) for number, row in enumerate(rows, start=1)
    ]
