"""What a comparison says of each of its records."""

from msgspec.structs import replace

from pipebench.comparison import trace_fields
from pipebench.records.command import CommandRecord, CommandSide
from pipebench.records.comparison import Side
from pipebench.records.selection import Source
from pipebench.records.terms import Terms
from pipebench.records.trace import TraceRecord, TraceSide
from pipebench.system.names import path_text


def side_of(source: Source, label: str, terms: Terms) -> Side:
    """A record as a comparison names it.

    Args:
        source: the record, and its file.
        label: such as A.
        terms: what the record counts.
    """
    record = source.record
    if isinstance(record, CommandRecord):
        return _of_a_command(source, label, record)
    if isinstance(record, TraceRecord):
        return _of_a_trace(source, label, record)
    return Side(
        label=label,
        id=record.id,
        path=path_text(source.path),
        created=record.created,
        status=record.status,
        launches=len(record.launches),
        device=record.device.kind,
        devices=record.device.count,
        clock=record.clock,
        machine=record.machine.name if record.machine else None,
        schedule=record.config.schedule,
        microbatches=record.config.microbatches,
        chunks=record.config.chunks,
        unit=terms.unit,
        baseline_devices=terms.baseline_devices,
        model=record.config.model.name if record.config.model is not None else None,
        softmax_devices=record.config.softmax_devices,
    )


def _of_a_command(source: Source, label: str, record: CommandRecord) -> Side:
    side = _without_a_run(source, label, record)
    return replace(side, command=CommandSide(record.command, record.metric, record.skip))


def _of_a_trace(source: Source, label: str, record: TraceRecord) -> Side:
    plan = record.plan
    return replace(
        _without_a_run(source, label, record),
        devices=plan.devices,
        clock=record.clock,
        microbatches=plan.microbatches,
        trace=TraceSide(plan, len(record.steps), trace_fields.kinds_of(record)),
    )


def _without_a_run(source: Source, label: str, record: CommandRecord | TraceRecord) -> Side:
    """What every record has; the fields of a run are empty."""
    return Side(
        label=label,
        id=record.id,
        path=path_text(source.path),
        created=record.created,
        status=record.status,
        launches=len(record.launches),
        device=None,
        devices=None,
        clock=None,
        machine=None,
        schedule=None,
        microbatches=None,
        chunks=None,
    )
