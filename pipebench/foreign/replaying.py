"""Recorded steps, ready to be run again: bare, or by the clock. Pure.

Bare means forwards and backwards in their recorded order and lengths, while all else takes no time; the replay and most
changes use it. By the clock there are messages and gaps too; the waterfall, which tells these apart, uses that.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pipebench.foreign.understanding import RecordedStep, Understood
from pipebench.timing.path import Path
from pipebench.timing.replay import Replay, replay_of
from pipebench.timing.timeline import Timeline, Transfer

if TYPE_CHECKING:
    from pipebench.plan.plan import Program


def bare(understood: Understood) -> list[Replay]:
    """The bare replay of each step; steps with the same order of operations share a plan and its path."""
    paths: dict[tuple[Program, ...], Path] = {}
    found = []
    for each in understood.steps:
        plan = each.timeline.plan
        path = paths.get(plan.programs) or Path(plan)
        path = paths.setdefault(plan.programs, path)
        lengths = {span.action: span.end_s - span.start_s for span in each.timeline.spans}
        found.append(Replay(path.plan, lengths, messages=path.free, ports=False, path=path))
    return found


def by_the_clock(understood: Understood, replays: Sequence[Replay]) -> list[Replay]:
    """The replay of each step with what lay between its operations; ``replays`` are the bare ones.

    A result that was sent late counts as sent when it was there: in the replay it leaves then.
    """
    return [
        replay_of(_from_the_producer(step.timeline), ports=False, path=replay.path)
        for step, replay in zip(understood.steps, replays, strict=True)
    ]


def without_gaps(clocked: Sequence[Replay]) -> list[Replay]:
    """The replays with forwards, backwards and messages alone; a change of a link is tried on these."""
    return [replace(each, gaps={}) for each in clocked]


def as_arrived(understood: Understood, clocked: Sequence[Replay]) -> Understood:
    """The same steps, each message on its way for as long as its replay by the clock says, and not until it was used.

    What is left of a pause is a gap of the host, as in the waterfall.
    """
    steps = [_arrived(step, replay) for step, replay in zip(understood.steps, clocked, strict=True)]
    return replace(understood, steps=tuple(steps))


def _arrived(step: RecordedStep, clocked: Replay) -> RecordedStep:
    span_of = step.timeline.span_of
    transfers = [
        Transfer(
            message,
            ready_s,
            start_s,
            min(max(span_of[message.producer].end_s + clocked.messages[message], start_s), end_s),
        )
        for message, ready_s, start_s, end_s in step.timeline.transfers
    ]
    return replace(step, timeline=step.timeline.with_transfers(tuple(transfers)))


def _from_the_producer(timeline: Timeline) -> Timeline:
    ended_s = {unit: span.end_s for unit, span in timeline.span_of.items()}
    return timeline.with_transfers(
        tuple(
            each
            if each.ready_s == ended_s[each.message.producer]
            else each._replace(ready_s=ended_s[each.message.producer])
            for each in timeline.transfers
        )
    )
