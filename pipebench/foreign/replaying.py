"""Recorded steps, ready to be run again: bare, as order and lengths alone, or with messages and gaps. Pure.

Bare is what a replay and a change are judged by: forwards and backwards in order and length as recorded, all else takes
no time. By the clock is for the waterfall, which tells messages from gaps of the host.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipebench.foreign.understanding import RecordedStep, Understood
from pipebench.plan.actions import Action
from pipebench.plan.transfers import messages_of
from pipebench.timing.replay import Replay, replay_of

if TYPE_CHECKING:
    from pipebench.plan.plan import Plan, Program


def bare(understood: Understood) -> list[Replay]:
    """Of each step, in their order."""
    nothing = dict.fromkeys(messages_of(understood.graph), 0.0)
    plans: dict[tuple[Program, ...], Plan] = {}
    found = []
    for each in understood.steps:
        plan = each.timeline.plan
        plan = plans.setdefault(plan.programs, plan)
        found.append(Replay(plan, _lengths(each), messages=nothing, ports=False))
    return found


def by_the_clock(steps: Sequence[RecordedStep]) -> list[Replay]:
    """Of each step, with what lay between its operations."""
    return [replay_of(each.timeline, ports=False) for each in steps]


def _lengths(step: RecordedStep) -> dict[Action, float]:
    return {span.action: span.end_s - span.start_s for span in step.timeline.spans}
