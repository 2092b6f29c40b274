"""The report of a run that another program measured: how well its steps are understood, and where the time goes.

The residual of the replay comes first among the figures. What is said below it can be trusted only as far as a step
that is simulated again takes as long as the recorded one.
"""

from collections.abc import Iterator, Sequence
from math import log
from statistics import fmean, stdev

from rich.console import Console, Group, RenderableType
from rich.text import Text

from pipebench.plurals import counted
from pipebench.records.graphs import timeline_of_trace
from pipebench.records.trace import OtherTotal, TraceFile, TraceLaunch, TraceRecord, TraceStep
from pipebench.render.commands import rows
from pipebench.render.inert import inert
from pipebench.render.layout import Facts, Table, Words
from pipebench.render.picture import picture
from pipebench.render.tables import device_table, needs_ascii, spaced, weights_wait
from pipebench.render.units import percent, seconds
from pipebench.render.waterfall import Waterfall, reasons
from pipebench.timing.timeline import Timeline

_MARGIN = 2
_MOST_FILES, _MOST_STEPS = 4, 12
_KINDS = {"spans": "span table", "torch-profiler": "trace of torch.profiler"}


def trace_report(record: TraceRecord, console: Console, shown: Timeline | None = None) -> Group:
    """The whole record, as wide as the console; ``shown`` is its timeline, if the caller has it already."""
    return Group(*spaced(_parts(record, console, shown)))


def residual_text(launches: Sequence[TraceLaunch]) -> str:
    """How far the replayed steps of all runs are from the recorded ones: the mean of sizes, and the worst one."""
    found = [(number, step) for number, launch in enumerate(launches, start=1) for step in launch.steps]
    run, worst = max(found, key=lambda pair: abs(pair[1].residual))
    if len(found) == 1:
        return f"the recorded step, simulated again with its own order and lengths, is {_signed(worst.residual)} off"
    mean = fmean(abs(step.residual) for _, step in found)
    where = f"step {worst.step} of replica {worst.replica}{f' of run {run}' if len(launches) > 1 else ''}"
    return (
        "the recorded steps, simulated again with their own order and lengths, are "
        f"{100 * mean:.2g} % off on average (signs left out), and {_signed(worst.residual)} at worst ({where})"
    )


def _parts(record: TraceRecord, console: Console, shown: Timeline | None) -> Iterator[RenderableType]:
    head = Words(Text.assemble(("recorded run, wall clock", "bold"), f"   {inert(record.id)}"))
    yield Group(head, Facts(*_origin(record)))
    yield Facts(*_figures(record))
    if record.waterfall:
        if len(record.launches) > 1:
            yield Words(Text("where the time goes: of the run nearest the mean", "bold"))
        yield Waterfall(record.waterfall, total="busy", unit="")
        yield reasons(record.waterfall)
    yield _devices(record)
    yield _steps(record)
    if record.totals:
        yield _others(record)
    yield _shown(record, console, shown)
    if record.warnings:
        told = (f"{each.code}: {each.cause} -> {each.next_step}" for each in record.warnings)
        yield Facts(*(row for text in told for row in rows("warning", text, "yellow")))


def _origin(record: TraceRecord) -> Iterator[tuple[str, str]]:
    """Who measured it, its plan, and its files."""
    yield "measured", "by another program, on its own clock; pipebench read its files and measured nothing"
    yield "plan", record.plan.text
    files = [_file(file) for file in record.files[:_MOST_FILES]]
    more = len(record.files) - len(files)
    yield "files", "; ".join([*files, *([f"and {more} more"] if more else [])])
    if len(record.launches) > 1:
        spread = 100 * stdev(log(launch.step_s) for launch in record.launches)
        runs = counted(len(record.launches), "run")
        yield "merged", f"{runs}, each one launch; the step of one spreads by {spread:.2g} %"


def _file(file: TraceFile) -> str:
    return f"{file.path} ({_KINDS[file.kind]}, {file.rows:,} {'row' if file.rows == 1 else 'rows'})"


def _figures(record: TraceRecord) -> Iterator[tuple[str, str]]:
    """The residual, then what was recorded."""
    yield "replay", residual_text(record.launches)
    replicas = f" of {record.replicas} replicas" if record.replicas > 1 else ""
    lengths = [step.measured_s for step in record.steps]
    span = "" if len(lengths) == 1 else f" ({seconds(min(lengths))} to {seconds(max(lengths))})"
    yield "step", f"{seconds(record.step_s)}, the mean of {counted(len(lengths), 'step')}{replicas}{span}"
    bubble = f"{percent(record.bubble.fraction)} of all device time, all recorded steps"
    yield "bubble", f"{bubble} ({record.bubble.definition})"


def _devices(record: TraceRecord) -> Group:
    """Where the time of each device went, on average; a merged record has that of one of its runs."""
    parts_s = ((each.busy_s, each.waiting_s, each.transfer_s, each.idle_s) for each in record.devices)
    of = "the run nearest the mean" if len(record.launches) > 1 else "all recorded steps"
    for_weights = "; for W: those that wait for their weights' gradients alone, at most"
    parts = (
        "waiting: the next input is not sent yet, or it is there and the host is late; transfer: the input is on its "
        "way; "
        "idle: before the first operation and after the last"
    )
    alive = f"{parts}; alive: slices kept for backward{for_weights if weights_wait(record.devices) else ''}"
    return Group(
        Words(Text(f"by device, the mean of {of} (wall clock)", "bold")),
        device_table(record.devices, max(map(sum, parts_s), default=0.0)),
        Words(Text(f"busy to idle: share of the step; {alive}", "dim")),
    )


def _steps(record: TraceRecord) -> Group:
    """The longest steps, each beside its replay."""
    many = len(record.launches) > 1
    table = Table(*(["run"] if many else []), "step", "replica", "recorded", "replayed", "off", "bubble")
    found = [(n, step) for n, launch in enumerate(record.launches, start=1) for step in launch.steps]
    found.sort(key=lambda pair: -pair[1].measured_s)
    for number, step in found[:_MOST_STEPS]:
        table.add(*([str(number)] if many else []), *_step_cells(step, record.plan.devices))
    more = len(found) - _MOST_STEPS
    title = Words(Text("the recorded steps, the longest first" if len(found) > 1 else "the step", "bold"))
    return Group(
        title, table, *([Words(Text(f"and {more} more, which are shorter", "dim"))] if more > 0 else [])
    )


def _step_cells(step: TraceStep, devices: int) -> tuple[str, ...]:
    return (
        str(step.step),
        str(step.replica),
        seconds(step.measured_s),
        seconds(step.simulated_s),
        _signed(step.residual),
        percent(step.bubble(devices)),
    )


def _others(record: TraceRecord) -> Group:
    """What is neither a forward nor a backward."""
    table = Table("operation", "count", "devices", "a step")
    for each in record.totals:
        devices = "-" if each.devices is None else f"{each.devices:,}"
        length_s = each.mean_s if each.having_s is None else each.having_s
        table.add(each.operation, f"{each.count:,}", devices, seconds(length_s))
    notes = (Words(Text(note, "dim")) for note in _on_others(record.totals))
    return Group(Words(Text("other operations", "bold")), table, *notes)


def _on_others(totals: Sequence[OtherTotal]) -> Iterator[str]:
    yield (
        "devices: how many have operations of that name, in all replicas; a step: what these take on one of these "
        "devices, on average over steps; some may lie outside the step"
    )
    if any(each.having_s is None for each in totals):
        yield "devices -: an older record does not say; its mean is over all devices, also those that have none"


def _shown(record: TraceRecord, console: Console, shown: Timeline | None) -> Group:
    """The picture of one step."""
    step, replica = record.shown
    of = " of the run nearest the mean" if len(record.launches) > 1 else ", the one nearest the mean"
    length = seconds(record.timeline.makespan_s)
    title = f"step {step} of replica {replica}{of}: {length} (wall clock, recorded by another program)"
    drawn = picture(
        shown or timeline_of_trace(record), width=console.width - _MARGIN, plain=needs_ascii(console)
    )
    return Group(Words(Text(title, "bold")), drawn)


def _signed(share: float) -> str:
    """Such as ``-1.2 %``."""
    text = f"{100 * share:+.2g}"
    return f"{'0' if float(text) == 0 else text} %"
