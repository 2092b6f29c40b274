"""The report of a command's record: what ran, what it printed launch by launch, and how it ended."""

import shlex
from collections.abc import Iterator
from math import log
from statistics import stdev

from rich.console import Console, Group, RenderableType
from rich.text import Text

from pipebench.plurals import counted
from pipebench.records.command import CommandRecord
from pipebench.render.commands import rows, unbroken
from pipebench.render.comparison.words import printed_text
from pipebench.render.inert import inert
from pipebench.render.layout import Facts, Table, Words
from pipebench.render.tables import spaced
from pipebench.render.units import percent, seconds

_ENVIRONMENT = ("cpu_model", "cpus_allowed", "gpus", "system", "release")


def command_report(record: CommandRecord, console: Console) -> Group:  # noqa: ARG001 - as all reports
    """The whole record."""
    return Group(*spaced(_parts(record)))


def value_of(record: CommandRecord) -> str:
    """The metric over all launches; a dash where there is none."""
    return "-" if record.value is None else printed_text(record.metric.field, record.value)


def _parts(record: CommandRecord) -> Iterator[RenderableType]:
    yield Words(Text.assemble(("command", "bold"), f"   {inert(record.id)}"))
    yield Facts(*_facts(record))
    if record.failure is not None:
        yield Words(Text(inert(f"{record.status}: {record.failure.message}"), style="bold red"))
    if record.launches:
        yield _launches(record)
    for warning in record.warnings:
        told = f"{warning.code}: {warning.cause} -> {warning.next_step}"
        yield Facts(*rows("warning", told, "yellow"))


def _facts(record: CommandRecord) -> Iterator[tuple[str, str | Text]]:
    metric, environment = record.metric, record.environment
    yield "command", unbroken(shlex.join(record.command))
    if environment.get("commit") is not None:
        yield "commit", str(environment["commit"])
    if record.variables:
        yield "variables", f"{', '.join(record.variables)} (values are not kept)"
    yield "metric", f"{metric.field}, {metric.better} is better"
    yield "status", record.status
    if record.launches:
        told = f"{value_of(record)} over {counted(len(record.launches), 'launch', 'launches')}"
        yield (
            "result",
            told + (f"; a launch spreads by {_spread(record)}" if len(record.launches) > 1 else ""),
        )
    if record.failure is not None and record.failure.log is not None:
        yield "log", record.failure.log
    known = [str(environment[name]) for name in _ENVIRONMENT if environment.get(name) is not None]
    if known:
        yield "machine", ", ".join(known)


def _launches(record: CommandRecord) -> Table:
    """A row a launch: the median of its values, how far they lie apart, how many there are, and how long it took."""
    table = Table("launch", record.metric.field, "spread", "values", "left out", "took")
    for number, launch in enumerate(record.launches, start=1):
        least, most = min(launch.counted), max(launch.counted)
        table.add(
            str(number),
            printed_text(record.metric.field, launch.value),
            percent((most - least) / launch.value),
            str(len(launch.counted)),
            str(launch.skipped),
            seconds(launch.wall_s),
        )
    return table


def _spread(record: CommandRecord) -> str:
    """How much a launch spreads, relative: the standard deviation of the launches' logarithms."""
    return f"{100 * stdev(log(launch.value) for launch in record.launches):.2g} %"
