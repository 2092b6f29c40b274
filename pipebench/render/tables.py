"""Tables: where the time of each device went, and the records of a folder."""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.text import Text

from pipebench.config.softmax_devices import softmax_in_short
from pipebench.errors import CorruptRecordError
from pipebench.models.outline import MemoryBytes
from pipebench.plurals import counted
from pipebench.records.command import CommandRecord
from pipebench.records.documents import AnyRecord
from pipebench.records.figures import DeviceUsage
from pipebench.records.reproduction import ReproductionRecord
from pipebench.records.run import RunRecord
from pipebench.records.terms import WORDS, terms_of
from pipebench.records.trace import TraceRecord
from pipebench.render.comparison.words import printed_text
from pipebench.render.inert import inert
from pipebench.render.layout import NARROW, Table, Words
from pipebench.render.units import data_size, percent, rate, seconds

_WORDS_PER_S = f"{WORDS}/s"
_LEAST_COLUMNS = 3  # record, status, speed-up
_GAP = 2


def needs_ascii(console: Console) -> bool:
    """Whether the output cannot show block characters."""
    return not console.encoding.startswith("utf")


def spaced(parts: Iterable[RenderableType]) -> Iterator[RenderableType]:
    """The parts with an empty line between them."""
    for number, part in enumerate(parts):
        if number:
            yield Text("")
        yield part


def device_table(devices: Sequence[DeviceUsage], makespan_s: float) -> Table:
    """Each device's layers, where its time went in percent of the step, and its memory.

    Where backwards are in halves, it also has the slices that wait for their weights' gradients alone.
    """
    memory = any(device.memory for device in devices)
    peaks = any(device.memory and device.memory.peak_bytes for device in devices)
    headers = ["device", "layers", "busy", "waiting", "transfer", "idle", "alive"]
    weights = weights_wait(devices)
    headers += ["for W"] if weights else []
    headers += [*(["memory"] if memory else []), *(["peak"] if peaks else [])]
    table = Table(*headers, left=2, names=2)
    for device in devices:
        parts = (device.busy_s, device.waiting_s, device.transfer_s, device.idle_s)
        cells = [str(device.device), device.layers, *(percent(part, makespan_s) for part in parts)]
        cells.append(str(device.activations_alive))
        cells += [str(device.weights_waiting)] if weights else []
        if device.memory:
            computed = device.memory
            total = MemoryBytes(
                computed.parameters_bytes,
                computed.gradients_bytes,
                computed.optimizer_state_bytes,
                computed.saved_tensors_bytes,
            ).total
            cells.append(data_size(total))
            cells += [data_size(computed.peak_bytes or 0)] if peaks else []
        table.add(*cells)
    return table


def table_legend(devices: Sequence[DeviceUsage], *, memory: str = "") -> Words:
    """What the columns of ``device_table`` mean; ``memory`` says where its figures are from, if it has any."""
    for_weights = "; for W: the most of them that wait only for the gradients of their weights"
    alive = f"alive: slices kept for backward{for_weights if weights_wait(devices) else ''}"
    return Words(Text(f"busy to idle: share of the step; {alive}{memory}", "dim"))


def weights_wait(devices: Sequence[DeviceUsage]) -> bool:
    """Whether on any device slices wait for their weights' gradients alone."""
    return any(device.weights_waiting for device in devices)


class RecordRow(NamedTuple):
    """What a table says of a record: a cell a column, and what its last cell counts.

    The record itself is not kept: a thousand timelines need much memory.
    """

    cells: tuple[Text, ...]
    rate: str = ""


def record_row(path: Path, record: AnyRecord | CorruptRecordError) -> RecordRow:
    """The line of a record; the clock is in the same cell as the speed-up, so that both are always shown together."""
    if isinstance(record, CorruptRecordError):
        return _other_row(str(path), Text("unreadable", style="red"))
    if isinstance(record, ReproductionRecord) and record.status != "completed":
        return _other_row(path.stem, Text(f"{record.kind}, {record.status}", style="yellow"))
    if isinstance(record, CommandRecord):
        return _command_row(path, record)
    if isinstance(record, TraceRecord):
        return _trace_row(path, record)
    if not isinstance(record, RunRecord):
        return _other_row(path.stem, Text(record.kind))
    config, speedup, terms = record.config, record.speedup, terms_of(record)
    measured = "-"
    if speedup is not None:
        within = f" [{speedup.low:.2f}, {speedup.high:.2f}]" if speedup.low and speedup.high else ""
        measured = f"{speedup.value:.2f}x{terms.relative}{within} {record.clock}"
    plan = f"{config.schedule} {counted(config.gpus, 'device')}, M {config.microbatches}, C {config.chunks}"
    if config.softmax_devices is not None:
        plan += f", {softmax_in_short(config.softmax_devices)}"
    if config.model is not None:
        plan = f"{config.model.name}: {plan}"
    throughput = rate(record.pipeline.throughput if record.pipeline else None)
    style = "" if record.status == "completed" else "yellow"
    cells = (path.stem, record.status, measured, plan, throughput)
    return RecordRow(
        tuple(Text(inert(cell), style=style) for cell in cells),
        terms.rate if record.pipeline is not None else "",
    )


def record_table(rows: Sequence[RecordRow], *, width: int) -> Table:
    """One line a record: its whole id, so that it can be copied, and as many more columns as fit ``width``.

    A speed-up keeps its interval at any width. A row that is too wide has its id on one line and the rest on the next.
    A table that folds shows all columns. Where not all records count the same thing, each says what it counts.
    """
    rates = {row.rate for row in rows} - {""}
    columns = ["record", "status", "speed-up" if rates or not rows else "result", "plan", _WORDS_PER_S]
    if len(rates) == 1:
        (columns[-1],) = rates
    elif rates:
        columns[-1] = "throughput"
    whole = [_counting(row) if len(rates) > 1 else row.cells for row in rows]
    folds = width < NARROW or any(line[0].cell_len > width for line in whole)
    while not folds and len(columns) > _LEAST_COLUMNS and _width(columns, whole) > width:
        columns.pop()
    lines = [line[: len(columns)] for line in whole]
    fitting = range(len(lines)) if folds else _fitting(columns, lines, width)
    table = Table(*columns, left=len(columns))
    for number, line in enumerate(lines):
        table.add(*line, apart=number not in fitting)
    return table


def _fitting(columns: Sequence[str], lines: Sequence[Sequence[Text]], width: int) -> set[int]:
    """The numbers of the rows whose cells fit side by side; the narrowest rows are taken first."""
    found, widths = set(), [*map(cell_len, columns)]
    sizes = [[cell.cell_len for cell in line] for line in lines]
    for number in sorted(range(len(lines)), key=lambda number: sum(sizes[number])):
        joined = [*map(max, widths, sizes[number])]
        if _in_all(joined) <= width:
            found.add(number)
            widths = joined
    return found


def _in_all(widths: Sequence[int]) -> int:
    """The width of a table with columns of these widths, and gaps between them."""
    return sum(widths) + _GAP * (len(widths) - 1)


def _counting(row: RecordRow) -> tuple[Text, ...]:
    """The cells of a row, the last one with what it counts."""
    if not row.rate:
        return row.cells
    return (*row.cells[:-1], Text.assemble(row.cells[-1], f" {row.rate}"))


def _command_row(path: Path, record: CommandRecord) -> RecordRow:
    """The row of a command: its metric is where a run has its speed-up, and what ran is where a run has its plan."""
    metric = record.metric.field
    measured = "-" if record.value is None else f"{metric} {printed_text(metric, record.value)}"
    status = record.kind if record.status == "completed" else f"{record.kind}, {record.status}"
    style = "" if record.status == "completed" else "yellow"
    cells = (path.stem, status, measured, shlex.join(record.command), "-")
    return RecordRow(tuple(Text(inert(cell), style=style) for cell in cells))


def _trace_row(path: Path, record: TraceRecord) -> RecordRow:
    """The row of a recorded run: its step is where a run has its speed-up."""
    measured = f"step {seconds(record.step_s)} {record.clock}"
    plan, first = record.plan, Path(record.files[0].path).name
    files = first if len(record.files) == 1 else f"{first} and {len(record.files) - 1} more"
    sizes = f"{counted(plan.devices, 'device')}, {counted(plan.microbatches, 'microbatch', 'microbatches')}"
    cells = (path.stem, record.kind, measured, f"{files}: {sizes}", "-")
    return RecordRow(tuple(Text(inert(cell)) for cell in cells))


def _other_row(name: str, what: Text) -> RecordRow:
    return RecordRow((Text(inert(name)), what, *[Text("-")] * 3))


def _width(columns: Sequence[str], rows: Sequence[Sequence[Text]]) -> int:
    """Characters that the table needs."""
    return _in_all(
        [max(cell_len(column), *(row[n].cell_len for row in rows)) for n, column in enumerate(columns)]
    )
