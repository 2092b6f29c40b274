"""The same step again on paper: the same work in the same order on each device, with messages that take no time.

A longest path over program order and dependence. What was measured gives the order and the lengths, so this holds for
any schedule and any clock.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipebench.plan.actions import REDUCTIONS, Operation
from pipebench.plan.graph import inputs_of
from pipebench.timing.timeline import OtherWork, Span, Timeline

if TYPE_CHECKING:
    from pipebench.plan.actions import Action

Pace = Mapping[
    tuple[int, Operation | None], float
]  # by device and operation, None for what belongs to no slice


def operation_of(item: Span | OtherWork) -> Operation | None:
    """Of an action on a slice; ``None`` for other work, which the norm of all gradients is too."""
    if isinstance(item, Span) and item.action.operation not in REDUCTIONS:
        return item.action.operation
    return None


def without_transfers_s(timeline: Timeline, pace: Pace | None = None) -> float:
    """The makespan in seconds if no message took any time.

    Args:
        timeline: of the step as it was.
        pace: how many times longer a device's work of a kind takes than it did; 1 for what is not named.
    """
    factors = pace or {}
    free = dict.fromkeys(range(timeline.graph.devices), 0.0)
    ends: dict[Action, float] = {}
    for item in timeline.in_order():
        start = free[item.device]
        if isinstance(item, Span):  # an action of a valid timeline starts after its inputs' start
            start = max(
                start, *(ends.get(needed, 0.0) for needed in inputs_of(timeline.graph, item.action)), 0.0
            )
        end = start + (item.end_s - item.start_s) * factors.get((item.device, operation_of(item)), 1.0)
        free[item.device] = end
        if isinstance(item, Span):
            ends[item.action] = end
    return max(free.values())
