"""The brief report of a run: the answer first.

In this order: the result and what it is held against, whether it was verified, where the rest goes, how far to trust
it, the timeline's picture, the warnings. Each is a line or a few. All else stands in the whole report
(``render.report``, ``show --all``).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.console import Console, Group, RenderableType
from rich.text import Text

from pipebench.config.softmax_devices import softmax_in_short
from pipebench.diagnosis.factors import summed_up
from pipebench.diagnosis.retold import retold
from pipebench.diagnosis.waterfall import Factor
from pipebench.records.config import Config
from pipebench.records.devices import MachineRecord
from pipebench.records.figures import Baseline, Pipeline
from pipebench.records.graphs import timeline_of_run
from pipebench.records.run import RunRecord
from pipebench.records.terms import terms_of
from pipebench.render.head import clock_text, devices_text, ended
from pipebench.render.inert import inert
from pipebench.render.layout import NARROW, Facts, fitting
from pipebench.render.picture import drawn, picture
from pipebench.render.result import (
    baseline_in_short,
    baseline_text,
    interval_text,
    pipeline_clock,
    step_on_paper,
)
from pipebench.render.tables import needs_ascii, spaced
from pipebench.render.trust import trust
from pipebench.render.units import rate, seconds
from pipebench.render.verified import verified_in_short
from pipebench.render.warning_lines import warning_lines
from pipebench.render.waterfall import largest
from pipebench.timing.machines import LOCAL
from pipebench.timing.timeline import Timeline

MOST_DRAWN = 8  # devices
_COLUMN = 10  # where the text of a row begins
_MARGIN = 2


class _Row(NamedTuple):
    """A fact. The first of its forms that fits on one line is shown; its first ``strong`` letters are bold."""

    name: str
    forms: Sequence[str]
    strong: int = 0


def brief_report(record: RunRecord, console: Console) -> Group:
    """The result with its label, the picture and the warnings, as wide as the console."""
    return Group(*spaced(_parts(record, console)))


def _parts(record: RunRecord, console: Console) -> Iterator[RenderableType]:
    timeline, step = timeline_of_run(record), step_on_paper(record)
    steps = step.waterfall if step is not None else []
    yield from ended(record)
    yield _facts(_rows(record, steps), console)
    if timeline is not None:
        yield _picture(record, timeline, console)
    factors = summed_up(steps, timeline.graph.devices) if steps and timeline is not None else None
    told = retold(record, factors, timeline)
    yield warning_lines(told, console) if told else Group()  # an empty part sets what follows apart


def _rows(record: RunRecord, steps: Sequence[Factor]) -> Iterator[_Row]:
    if record.speedup is not None:
        yield _speedup(record)
    yield _Row("pipeline", tuple(_pipeline(record)))
    if record.baseline is not None:
        figures = _figures(record, record.baseline)
        forms = (baseline_text(record), baseline_in_short(record))
        yield _Row("baseline", tuple(f"{figures}: {form}" for form in forms))
    if record.machine is not None:
        yield _Row("machine", tuple(_machine(record, record.machine)))
    if record.speedup is None:
        return
    yield _Row("verified", verified_in_short(record))
    if steps:
        terms = terms_of(record)
        lines = largest(steps, record.device.count, terms.baseline_devices)
        yield from (_Row("" if number else "the rest", (line,)) for number, line in enumerate(lines))
    yield _Row("trust", trust(record))


def _speedup(record: RunRecord) -> _Row:
    """The speed-up with its label: emulated or measured, and by which clock."""
    speedup = record.speedup
    assert speedup is not None
    clock = clock_text(record) if record.clock == "virtual" else f"measured, {clock_text(record)}"
    value = f"{speedup.value:.2f}x"
    told = f"{value}{terms_of(record).relative}, {clock}"
    return _Row(
        "speed-up",
        (f"{told}; {interval_text(record)}", f"{told}; {interval_text(record, joint=', ')}"),
        len(value),
    )


def _pipeline(record: RunRecord) -> Iterator[str]:
    figures = "" if record.pipeline is None else f"{_figures(record, record.pipeline)}: "
    what, devices, clock = _plan(record.config), devices_text(record), pipeline_clock(record)
    yield f"{figures}{what}, {devices}, {clock}"
    yield f"{figures}{what}, {devices.replace(f' {record.device.kind} ', ' ')}, {clock}"


def _plan(config: Config) -> str:
    """The schedule, with the model and the devices that share the softmax where these are not the usual ones."""
    shared = None if config.softmax_devices is None else softmax_in_short(config.softmax_devices)
    model = None if config.model is None else config.model.name
    return ", ".join(part for part in (model, config.schedule, shared) if part is not None)


def _figures(record: RunRecord, side: Baseline | Pipeline) -> str:
    return f"{seconds(side.step_s)} a step, {rate(side.throughput)} {terms_of(record).rate}"


def _machine(record: RunRecord, machine: MachineRecord) -> Iterator[str]:
    """Which machine is emulated, on what, and whose times these are."""
    name = f"{machine.name}: {machine.card}"
    whose = "" if machine.name == LOCAL else "; times are this host's"
    if whose:
        yield f"{name}, emulated on {record.device.names[0]}{whose}, not the card's"
    yield f"{name}, emulated on {record.device.names[0]}{whose}"
    yield f"{name}, emulated{whose}"


def _picture(record: RunRecord, timeline: Timeline, console: Console) -> Text:
    """The picture of at most ``MOST_DRAWN`` devices; its axis says which step it is, and by which clock."""
    devices = timeline.graph.devices
    lines = len(drawn(devices, MOST_DRAWN))
    some = f", {lines} of {devices} devices" if lines < devices else ""
    width = console.width - _MARGIN
    clock = clock_text(record)
    notes = (f"the step nearest the median ({clock}{some})", f"{clock}{some}", pipeline_clock(record))
    room = width - len(str(devices - 1)) - len(seconds(timeline.makespan_s)) - 6
    return picture(
        timeline,
        width=width,
        plain=needs_ascii(console),
        most=MOST_DRAWN,
        note=fitting(console, room, notes),
    )


def _facts(rows: Iterator[_Row], console: Console) -> Facts:
    room = console.width - _COLUMN if console.width >= NARROW else console.width
    return Facts(*((row.name, _text(row, console, room)) for row in rows))


def _text(row: _Row, console: Console, room: int) -> Text:
    text = Text(inert(fitting(console, room, row.forms)))
    text.stylize("bold", 0, row.strong)
    return text
