"""Launches that cost nothing: records of one launch each, by the order in which they are asked for."""

from math import exp
from random import Random

import msgspec

from pipebench.ab.sides import Side
from pipebench.records.run import RunRecord
from pipebench.run.listener import Doing
from tests.builders import launch, measured_record

ONE = measured_record([launch([19.0], [9.5])])
SIDES = (Side("A", "as it is"), Side("B", "as it is"))


def one_launch(baseline_s: float = 19.0, pipeline_s: float = 9.5) -> RunRecord:
    """A run of one launch, as ``run`` leaves it but for its summary, which nobody trusts."""
    return msgspec.structs.replace(ONE, launches=[launch([baseline_s], [pipeline_s])])


class Watcher:
    """Hears everything."""

    def __init__(self) -> None:
        self.shares: list[float] = []
        self.notices: list[str] = []

    def progress(self, doing: Doing, share: float) -> None:
        self.shares.append(share)

    def notice(self, text: str) -> None:
        self.notices.append(text)


class Machine:
    """A machine of this noise that slows down by ``drift`` in ``over`` launches, on which B is ``slower``."""

    def __init__(
        self, random: Random, *, log_sd: float, slower: float = 1.0, drift: float = 0.0, over: int = 12
    ) -> None:
        self.random, self.log_sd, self.slower, self.rate = random, log_sd, slower, drift / over
        self.order = ""

    def launch(self, side: Side) -> RunRecord:
        slowed = 1 + self.rate * len(self.order)
        self.order += side.label
        factor = slowed * (self.slower if side.label == "B" else 1.0)
        return one_launch(19.0 * self._noise(), 9.5 * factor * self._noise())

    def _noise(self) -> float:
        return exp(self.random.gauss(0, self.log_sd))
