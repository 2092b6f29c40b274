"""A waterfall in five figures, each a factor of the step's time: 1 is no loss. Pure.

    devices / overlap / unequal / transfer / shared / work = the baseline's step / the recorded step of the pipeline

``overlap`` is all that keeps devices from working at the same time, even if they were alike: fill and drain, waiting,
slices and actions that differ, and what a step has around its slices.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pipebench.diagnosis import waterfall
from pipebench.diagnosis.waterfall import Factor


class Factors(NamedTuple):
    """What a step loses, each as a factor of its time: 1 is no loss.

    Args:
        devices: how many the pipeline has.
        overlap: fill, drain and waiting for one another, if all stages were equal.
        unequal: how many times as long the step takes as with stages of equal work.
        transfer: how many times as long it takes as with messages that take no time.
        work: the work of all devices over the baseline's step.
        shared: how many times its CPU time that work took, since devices took turns on cores.
    """

    devices: int
    overlap: float
    unequal: float
    transfer: float
    work: float
    shared: float = 1.0

    @property
    def at_once(self) -> float:
        """How many devices' worth of work goes on at a time."""
        return self.devices / (self.overlap * self.unequal * self.transfer)

    @property
    def speedup(self) -> float:
        """The speed-up of this step."""
        return self.at_once / (self.work * self.shared)


_OVERLAP = (waterfall.FILL, waterfall.WAITING, waterfall.SLICES, waterfall.VARIATION, waterfall.HOST)


def summed_up(steps: Sequence[Factor], devices: int) -> Factors | None:
    """The five figures; ``None`` if no device did anything in the step.

    Args:
        steps: those of the waterfall.
        devices: how many the pipeline has.
    """
    by_step = dict(steps)
    if waterfall.WORK not in by_step:
        return None
    overlap = 1.0
    for name in _OVERLAP:
        overlap /= by_step[name]
    return Factors(
        devices=devices,
        overlap=overlap,
        unequal=1 / by_step[waterfall.STAGES],
        transfer=1 / by_step[waterfall.TRANSFERS],
        work=1 / by_step[waterfall.WORK],
        shared=1 / by_step.get(waterfall.SHARED, 1.0),
    )
