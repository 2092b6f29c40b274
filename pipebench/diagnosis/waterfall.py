"""The waterfall: from as many times as there are devices down to the measured speed-up, in named factors. Pure.

Each step is what the speed-up loses when one more thing is as it was recorded. All steps but the first and the last
come from one plan, the recorded one, which is simulated again for each:

    devices                   N times a single device, or over as many as the baseline takes
    (devices of the baseline) only where it takes several: they take turns, so it is one device's work in their time
    slices cost more          the work of all slices, shared out evenly, in place of the baseline's step
    fill and drain            all devices alike, all slices alike: no order of the actions could take less
    waiting beyond that       ... in the plan's own order
    stages of unequal cost    each stage as long as it was
    slices of unequal cost    each slice as long as it was, by all stages together
    transfers not hidden      messages as long as they were
    variation                 each action as long as it was
    zeroing, optimizer, gaps  with all else that a step has: the recorded step
    unexplained               the measured steps of all launches in place of the recorded one

The order is fixed, since a factor depends on what stands before it. First comes what the schedule loses even if all
were alike, for which textbooks have closed forms; then what is unequal; then messages; then what disturbs a step. So
the factor of unequal stages is what equal ones would gain if messages were free and nothing varied, and the factor of
messages what free ones would if nothing varied. Only the last step reads what the pipeline's steps took.

Zeroing, update and reductions are work that a single device has too. Until they get their places they count as if all
devices shared them evenly.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from pipebench.plan.actions import REDUCTIONS, Action
from pipebench.timing.means import alike
from pipebench.timing.replay import Replay

DEVICES = "devices"
BASELINE = "devices of the baseline take turns"
WORK = "slices cost more than the whole batch"
SHARED = "devices take turns on cores"
FILL = "fill and drain of the schedule"
WAITING = "waiting beyond that"
STAGES = "stages of unequal cost"
SLICES = "slices of unequal cost"
TRANSFERS = "transfers not hidden"
VARIATION = "variation from action to action"
HOST = "zeroing, optimizer and gaps of the host"
GAPS = "gaps of the host"  # in the place of HOST, where only slices count
UNEXPLAINED = "unexplained"
LOSSES = (  # those of every pipeline whose devices have a core each, in order
    *(WORK, FILL, WAITING, STAGES, SLICES),
    *(TRANSFERS, VARIATION, HOST, UNEXPLAINED),
)


class Measured(NamedTuple):
    """What a record measured, beside the step itself.

    Args:
        baseline_step_s: the step of one device, or of the naive schedule on several.
        baseline_devices: how many devices that took.
        pipeline_step_s: the pipeline's step over all launches.
        shared: how many times as long the devices' work took by the wall clock because they took turns on cores.
    """

    baseline_step_s: float
    pipeline_step_s: float
    baseline_devices: int = 1
    shared: float = 1.0


class Factor(NamedTuple):
    """One step of the waterfall: its name, and what it multiplies the speed-up by."""

    step: str
    factor: float


def waterfall(replay: Replay, measured: Measured) -> list[Factor]:
    """The factors, whose product is the measured speed-up. If no device worked, all is left to the last one."""
    devices = replay.plan.graph.devices
    at_best = devices / measured.baseline_devices
    speedup = measured.baseline_step_s / measured.pipeline_step_s
    if not sum(replay.lengths.values()):
        return [Factor(DEVICES, at_best), Factor(UNEXPLAINED, speedup / at_best)]
    ideal_s = measured.baseline_step_s / devices  # of a baseline on several devices, which take turns
    times = [(DEVICES, ideal_s), *_times(replay, ideal_s, measured.shared)]
    in_turn = [Factor(BASELINE, float(measured.baseline_devices))] if measured.baseline_devices > 1 else []
    factors = [Factor(step, before_s / after_s) for (_, before_s), (step, after_s) in pairwise(times)]
    return [
        Factor(DEVICES, at_best),
        *in_turn,
        *factors,
        Factor(UNEXPLAINED, times[-1][1] / measured.pipeline_step_s),
    ]


def without_baseline(replays: Sequence[Replay], lengths_s: Sequence[float]) -> list[Factor]:
    """The factors of steps without a baseline: from the devices down to how many of them work on average.

    Args:
        replays: those of the recorded steps, with their messages and gaps; all of one graph.
        lengths_s: what each step took.

    Returns:
        Factors whose product is busy time / length, over all steps together. Zeroing and updates are no part of them.
    """
    devices = replays[0].plan.graph.devices
    names: list[str] = []
    sums: list[float] = []
    for replay in replays:
        evenly_s = sum(replay.lengths.values()) / devices
        times = list(_times(replay, evenly_s, 1.0))
        names = [name for name, _ in times]
        sums = [each + more for each, (_, more) in zip(sums or [0.0] * len(times), times, strict=True)]
    names = [GAPS if name == HOST else name for name in names]
    factors = [
        Factor(name, before / after) for name, (before, after) in zip(names[1:], pairwise(sums), strict=True)
    ]
    unexplained = Factor(UNEXPLAINED, sums[-1] / sum(lengths_s))
    return [Factor(DEVICES, float(devices)), *factors, unexplained]


def _times(replay: Replay, ideal_s: float, shared: float) -> Iterator[tuple[str, float]]:
    """After each step of the waterfall, the seconds that the recorded step takes with one more thing as it was."""
    graph = replay.plan.graph
    slices_s = sum(each_s for action, each_s in replay.lengths.items() if action.operation not in REDUCTIONS)
    other_s = _other_s(replay) / graph.devices
    evenly_s = slices_s / graph.devices + other_s
    if shared > 1:  # sharing explains no more than the work beyond the baseline's step
        yield WORK, evenly_s / min(shared, max(evenly_s / ideal_s, 1.0))
        yield SHARED, evenly_s
    else:
        yield WORK, evenly_s
    stages = replay.evened
    same = alike(graph, stages)
    same_s = replay.slices_alone_s(same, with_messages=False)
    yield FILL, other_s + min(replay.least_s(_without_reductions(same)), same_s)
    yield WAITING, other_s + same_s
    yield STAGES, other_s + replay.slices_alone_s(stages, with_messages=False)
    yield SLICES, other_s + replay.slices_alone_s(replay.sliced, with_messages=False)
    yield TRANSFERS, other_s + replay.slices_alone_s(replay.sliced, with_messages=True)
    yield VARIATION, other_s + replay.slices_alone_s(replay.lengths, with_messages=True)
    yield HOST, replay.again_s


def _without_reductions(lengths: Mapping[Action, float]) -> dict[Action, float]:
    return {a: 0.0 if a.operation in REDUCTIONS else each_s for a, each_s in lengths.items()}


def _other_s(replay: Replay) -> float:
    """Seconds of all devices' work that belongs to no slice."""
    reductions_s = sum(each_s for action, each_s in replay.lengths.items() if action.operation in REDUCTIONS)
    return reductions_s + replay.around_s
