"""The clocks of several hosts, converted to the clock of rank 0's host.

    rank 0     sends at a ............ has it back at d       offset = (a + d) / 2 - b
    a rank elsewhere      has it at b, sends it back          at most (d - a) / 2 wrong

The fastest of many round trips counts, since its offset can be wrong by the least. The round trips are repeated before
each step, so clocks can drift apart only for the time of a step. The speed of the drift is computed from the first and
the last offset, and is corrected too. Ranks of one host have one clock.
"""

import time
from typing import NamedTuple, Protocol

import torch
import torch.distributed as dist

from pipebench.launching.rendezvous.place import Place

MANY, SOME = 40, 8  # round trips: at first, and before each step
_LONG_ENOUGH_S = 1.0  # a drift is computed only over at least this time


class Estimate(NamedTuple):
    """A host's clock at one time: what to add to it to get rank 0's clock, and how wrong that may be."""

    offset_s: float
    uncertainty_s: float
    at_s: float


class HostClock(NamedTuple):
    """A host's clock over a launch: the first and the last estimate, and the largest uncertainty of all."""

    host: str
    first: Estimate
    last: Estimate
    uncertainty_s: float

    @property
    def drift(self) -> float:
        """Seconds that the offset changes in a second; 0 if the change is too small or the time too short to tell."""
        return _drift(self.first, self.last)


class Clocks(Protocol):
    """How times of a rank's own clock become times of the common clock, which is that of rank 0's host."""

    @property
    def apart_s(self) -> float:
        """Extra seconds before a step's start, so that word of the start reaches all ranks in time."""

    def refresh(self) -> None:
        """Compare the clocks again, before a step. Collective."""

    def common(self, own_s: float) -> float:
        """A time of this rank's clock, as a time of the common clock."""

    def own(self, common_s: float) -> float:
        """A time of the common clock, as a time of this rank's clock."""


class OneClock:
    """The clock of all ranks, if they are on one host."""

    apart_s = 0.0

    def refresh(self) -> None:
        """Nothing to do."""

    def common(self, own_s: float) -> float:
        """The same time."""
        return own_s

    def own(self, common_s: float) -> float:
        """The same time."""
        return common_s


class HostClocks:
    """The clocks of ranks on several hosts; the first rank of each host compares clocks with rank 0 for its host.

    Args:
        place: where this rank is among the others.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        firsts = [place.beside(rank)[0] for rank in range(place.ranks)]
        self._comparing = [rank for rank in dict.fromkeys(firsts) if firsts[rank] != firsts[0]]
        self._mine = firsts[place.rank]
        zero = Estimate(0.0, 0.0, time.perf_counter())
        self._first = dict.fromkeys((firsts[0], *self._comparing), zero)
        self._last, self._worst = dict(self._first), dict.fromkeys(self._first, 0.0)
        self._begun = False

    @property
    def apart_s(self) -> float:
        """Time for a message from rank to rank, all the way round and back, plus one."""
        return (2 * self.place.ranks + 1) * max(each.uncertainty_s for each in self._last.values())

    def refresh(self) -> None:
        """Compare all hosts' clocks with rank 0's. Collective."""
        table = torch.zeros(len(self._comparing), 3, dtype=torch.float64)
        for row, rank in enumerate(self._comparing):
            if self.place.rank == 0:
                table[row] = torch.tensor(self._ask(rank), dtype=torch.float64)
            elif self.place.rank == rank:
                self._answer()
        dist.broadcast(table, 0)
        for rank, row in zip(self._comparing, table.tolist(), strict=True):
            estimate = Estimate(*row)
            if not self._begun:
                self._first[rank] = estimate
            self._last[rank] = estimate
            self._worst[rank] = max(self._worst[rank], estimate.uncertainty_s)
        self._begun = True

    def common(self, own_s: float) -> float:
        """A time of this rank's clock, as a time of the common clock, by the last offset and the drift since then."""
        last = self._last[self._mine]
        return own_s + last.offset_s + self._drift() * (own_s - last.at_s)

    def own(self, common_s: float) -> float:
        """A time of the common clock, as a time of this rank's clock; the error of drift squared is negligible."""
        last, own_s = self._last[self._mine], common_s - self._last[self._mine].offset_s
        return own_s - self._drift() * (own_s - last.at_s)

    def hosts(self) -> list[HostClock]:
        """The clocks of all hosts but rank 0's."""
        return [
            HostClock(self.place.seats[rank].host, self._first[rank], self._last[rank], self._worst[rank])
            for rank in self._comparing
        ]

    def _drift(self) -> float:
        return _drift(self._first[self._mine], self._last[self._mine])

    def _rounds(self) -> int:
        return SOME if self._begun else MANY

    def _ask(self, rank: int) -> Estimate:
        """The fastest of many round trips, as rank 0 sees it."""
        token, best = torch.zeros(1, dtype=torch.float64), Estimate(0.0, float("inf"), 0.0)
        for _ in range(self._rounds()):
            sent_s = time.perf_counter()
            dist.send(token, rank)
            dist.recv(token, rank)
            back_s, there_s = time.perf_counter(), float(token)
            half_s = (back_s - sent_s) / 2
            if half_s < best.uncertainty_s:
                best = Estimate((sent_s + back_s) / 2 - there_s, half_s, there_s)
        return best

    def _answer(self) -> None:
        token = torch.zeros(1, dtype=torch.float64)
        for _ in range(self._rounds()):
            dist.recv(token, 0)
            token[0] = time.perf_counter()
            dist.send(token, 0)


def clocks_of(place: Place) -> "OneClock | HostClocks":
    """The clocks for the ranks of a launch, which may have one host or several."""
    return HostClocks(place) if len(place.hosts) > 1 else OneClock()


def _drift(first: Estimate, last: Estimate) -> float:
    """Seconds a second; 0 if too little time passed, or the offset changed by no more than its uncertainty."""
    passed_s, changed_s = last.at_s - first.at_s, last.offset_s - first.offset_s
    if passed_s < _LONG_ENOUGH_S or abs(changed_s) <= first.uncertainty_s + last.uncertainty_s:
        return 0.0
    return changed_s / passed_s
