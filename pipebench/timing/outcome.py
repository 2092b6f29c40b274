"""The result of an engine of the simulator, with slots and posts as whole numbers, and how it becomes a timeline.

Importing this module imports numpy.
"""

from dataclasses import dataclass
from functools import partial
from operator import add
from typing import Any

from pipebench.plan.numbers import Whole, rows
from pipebench.timing.costs import Costs
from pipebench.timing.simulated import Simulated
from pipebench.timing.slots import Slots
from pipebench.timing.timeline import OtherWork, Span, Timeline, Transfer


@dataclass(frozen=True)
class Work:
    """Seconds of each slot: the work of a device's start or of an action, the gap before it, and its overhead."""

    gaps: list[float]
    seconds: list[float]
    overhead: list[float]


@dataclass(frozen=True)
class Outcome:
    """When everything happened, in seconds.

    Args:
        started: slots in the order in which they started, without the devices' starts.
        starts: the start of each slot.
        ends: the end of each slot; ``None`` if it never ran.
        sent: posts in the order in which their transfers started.
        sent_at: the start of each post's transfer.
        finished: devices in the order in which they came to the end of their programs.
    """

    started: Whole
    starts: list[float]
    ends: list[Any]
    sent: Whole
    sent_at: list[Any]
    finished: list[int]

    @property
    def never_ran(self) -> list[int]:
        """The slots that never ran."""
        return [slot for slot, end in enumerate(self.ends) if end is None]


def work_of(slots: Slots, costs: Costs, overhead_s: list[float]) -> Work:
    """The seconds of the slots."""
    before = iter(map(costs.before_s, range(slots.devices)))
    gap_s, action_s = costs.gap_s, costs.action_s
    return Work(
        [0.0 if action is None else gap_s(action) for action in slots.actions],
        [next(before) if action is None else action_s(action) for action in slots.actions],
        overhead_s,
    )


def timeline_of(slots: Slots, costs: Costs, seconds: list[float], outcome: Outcome) -> Timeline:
    """The timeline of an outcome.

    Args:
        slots: the slots, all of which ran.
        costs: the costs, here for the work after each device's last action.
        seconds: the seconds of each post.
        outcome: the outcome of the engine.
    """
    other = _other(slots, costs, outcome)
    return Simulated.of(
        slots.numbering.graph,
        partial(_spans, slots, outcome),
        partial(_transfers, slots, seconds, outcome),
        other,
        makespan_s=max(*outcome.ends, 0.0, *(work.end_s for work in other)),
    )


def _spans(slots: Slots, outcome: Outcome) -> tuple[Span, ...]:
    every: list[Any] = list(rows(Span, slots.device.tolist(), slots.actions, outcome.starts, outcome.ends))
    return tuple(map(every.__getitem__, outcome.started.tolist()))


def _transfers(slots: Slots, seconds: list[float], outcome: Outcome) -> tuple[Transfer, ...]:
    ready, start = map(outcome.ends.__getitem__, slots.posting.tolist()), outcome.sent_at
    every = list(rows(Transfer, slots.messages, ready, start, map(add, start, seconds)))
    return tuple(map(every.__getitem__, outcome.sent.tolist()))


def _other(slots: Slots, costs: Costs, outcome: Outcome) -> tuple[OtherWork, ...]:
    begun = (outcome.ends[first] for first in slots.first[:-1])
    ended = [outcome.ends[behind - 1] for behind in slots.first[1:]]
    before = ((device, "zero_grad", 0.0, end) for device, end in enumerate(begun))
    after = (
        (device, "optimizer", ended[device], ended[device] + costs.after_s(device))
        for device in outcome.finished
        if slots.flat.lengths[device]
    )
    return tuple(OtherWork(*each) for each in (*before, *after) if each[2] != each[3])
