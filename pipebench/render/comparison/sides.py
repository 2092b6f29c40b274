"""What is said of a comparison's side: what ran, on what, how often."""

import shlex
from collections.abc import Iterator

from pipebench.config.softmax_devices import softmax_in_short
from pipebench.plurals import counted
from pipebench.records.command import CommandSide
from pipebench.records.comparison import Side
from pipebench.records.trace import TraceSide
from pipebench.render.comparison.words import Foreign, Typed, Wording


def described(side: Side) -> Iterator[Wording]:
    """The record, what was asked for, what ran, how many launches there are, how it ended if it was not completed."""
    yield Foreign(side.id)
    yield ": "
    if side.text:
        yield Foreign(side.text)
        yield "; "
    if side.command:
        yield from _of_a_command(side.command)
    else:
        yield from _of_a_trace(side.trace) if side.trace else _of_a_run(side)
    yield f"; {counted(side.launches, 'launch', 'launches')}"
    if side.terms.relative:
        yield f"; speed-up{side.terms.relative}"
    if side.status != "completed":
        yield f"; {side.status}"


def _of_a_command(side: CommandSide) -> Iterator[Wording]:
    yield Typed(shlex.join(side.command))
    yield f"; {side.metric.field}, {side.metric.better} is better"
    if side.skip:
        first = "first value" if side.skip == 1 else f"first {side.skip} values"
        yield f", the {first} of a launch left out"


def _of_a_trace(side: TraceSide) -> Iterator[Wording]:
    yield f"recorded run, {side.plan.text}, wall clock; {counted(side.steps, 'step')} from {' and '.join(side.files)}"


def _of_a_run(side: Side) -> Iterator[Wording]:
    assert side.devices is not None
    assert side.schedule is not None
    clock = "virtual time" if side.clock == "virtual" else "wall clock"
    yield f"{counted(side.devices, f'{side.device} device')}, {clock}"
    if side.machine is not None:
        yield ", "
        yield Foreign(side.machine)
    yield "; "
    if side.model is not None:
        yield Foreign(side.model)
        yield ", "
    yield Foreign(side.schedule)
    yield f", M {side.microbatches}, C {side.chunks}"
    if side.softmax_devices is not None:
        yield f", {softmax_in_short(side.softmax_devices)}"
