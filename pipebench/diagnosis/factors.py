"""The factors between the number of devices and the speed-up of one step. Pure.

    devices / overlap / unequal / transfer / shared / work = the baseline's step / the pipeline's step

Each is what one change would bring, made after those that stand to its right: messages that take no time, then stages
of equal work, then a pipeline that never waits. They come from a step's own timeline and multiply up exactly.
"""

from collections import defaultdict
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from pipebench.records.schema import Launch
from pipebench.timing.rerun import Pace, operation_of, without_transfers_s
from pipebench.timing.timeline import Timeline

if TYPE_CHECKING:
    from pipebench.plan.actions import Operation


class Factors(NamedTuple):
    """What a step loses, each as a factor of its time: 1 is no loss.

    Args:
        devices: of the pipeline.
        overlap: fill, drain and waiting for one another, were all stages equal.
        unequal: by how much the step is longer than with stages of equal work; where some stand beside a chain, the
            busiest device over the mean.
        transfer: by how much it is longer than with messages that take no time.
        work: the work of all devices over the baseline's step.
        shared: by how much that work took longer than its CPU time, since devices took turns on cores.
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
        """Of this step."""
        return self.at_once / (self.work * self.shared)


def waited(launches: Sequence[Launch]) -> float:
    """How long work took by the wall clock over its CPU time, of the middle launch; 1 where that is not known."""
    ratios = [launch.wall_per_cpu for launch in launches if launch.wall_per_cpu is not None]
    return max(median(ratios), 1.0) if ratios else 1.0


def factors_of(timeline: Timeline, baseline_step_s: float, *, shared: float = 1.0) -> Factors | None:
    """Split one step; ``None`` if no device did anything in it.

    Args:
        timeline: of the pipeline's step.
        baseline_step_s: of the single device.
        shared: by how much the devices' work took longer because they shared cores, as ``waited`` tells.
    """
    busy_s = [timeline.usage(device).busy_s for device in range(timeline.graph.devices)]
    mean_s = sum(busy_s) / len(busy_s)
    if not mean_s:
        return None
    all_work = sum(busy_s) / baseline_step_s
    shared = min(shared, max(all_work, 1.0))
    free_s = without_transfers_s(timeline)
    if timeline.graph.is_chain:
        equal_s = without_transfers_s(timeline, _equal(timeline, busy_s, mean_s))
    else:  # stages beside a chain are not alike: made equal, a shard is as long as a stage more of the chain
        equal_s = free_s * mean_s / max(busy_s)
    return Factors(
        devices=len(busy_s),
        overlap=equal_s / mean_s,
        unequal=free_s / equal_s,
        transfer=timeline.makespan_s / free_s,
        work=all_work / shared,
        shared=shared,
    )


def _equal(timeline: Timeline, busy_s: Sequence[float], mean_s: float) -> Pace:
    """The pace with which all devices do the mean, in forwards as much as in backwards.

    A device whose forwards alone are long (its layers are frozen) is not made equal by longer forwards. Where a device
    has none of a kind, or more other work than the mean, all of its work is scaled alike.
    """
    own: dict[tuple[int, Operation | None], float] = defaultdict(float)
    for item in timeline.in_order():
        own[item.device, operation_of(item)] += item.end_s - item.start_s
    operations = {operation for _, operation in own if operation is not None}
    sums = {each: sum(own.get((device, each), 0.0) for device in range(len(busy_s))) for each in operations}
    compute = sum(sums.values())
    pace: dict[tuple[int, Operation | None], float] = {}
    for device, all_s in enumerate(busy_s):
        left = mean_s - own.get((device, None), 0.0)
        if left > 0 and all(own.get((device, each), 0.0) for each in operations):
            pace |= {(device, each): left * sums[each] / compute / own[device, each] for each in operations}
        elif all_s:
            pace |= dict.fromkeys(((device, each) for each in (*operations, None)), mean_s / all_s)
    return pace
