"""Timelines to and from their place in a record."""

from collections.abc import Callable, Iterator, Sequence

from pipebench.errors import CorruptRecordError, UsageError
from pipebench.models.outline import MemoryBytes
from pipebench.plan.actions import REDUCTIONS, Action, Operation, parse_action
from pipebench.plan.graph import Graph
from pipebench.plan.transfers import Message, messages_of
from pipebench.records.schema import (
    Bubble,
    Clock,
    DeviceUsage,
    Memory,
    OtherRecord,
    SpanRecord,
    TimelineRecord,
    TransferRecord,
)
from pipebench.timing.timeline import OtherWork, Span, Timeline, Transfer

_NAMES = {Operation.NORM: "norm", Operation.TOTAL: "norm_total", Operation.CLIP: "clip"}  # among other work


def timeline_record(
    timeline: Timeline, *, clock: Clock, message_bytes: Callable[[Message], int] | None = None
) -> TimelineRecord:
    """The stored form of a timeline; ``clock`` is wall, virtual or simulated."""
    text = timeline.graph.text
    return TimelineRecord(
        clock=clock,
        makespan_s=timeline.makespan_s,
        spans=[
            SpanRecord(device=d, action=text(a), start_s=s, end_s=e)
            for d, a, s, e in timeline.spans
            if a.operation not in REDUCTIONS
        ],
        transfers=[
            TransferRecord(
                action=text(m.producer),
                sender=m.sender,
                receiver=m.receiver,
                ready_s=ready,
                start_s=start,
                end_s=end,
                bytes=message_bytes(m) if message_bytes else None,
                consumer=text(m.consumer),
            )
            for m, ready, start, end in timeline.transfers
        ],
        other=[
            *(OtherRecord(device=d, name=n, start_s=s, end_s=e) for d, n, s, e in timeline.other),
            *(
                OtherRecord(device=d, name=_NAMES[a.operation], start_s=s, end_s=e)
                for d, a, s, e in timeline.spans
                if a.operation in REDUCTIONS
            ),
        ],
    )


def timeline_from(record: TimelineRecord, graph: Graph) -> Timeline:
    """The timeline that was stored, of a run of ``graph``.

    Raises:
        CorruptRecordError: It holds an action or a transfer that the graph does not have.
    """
    try:
        return _timeline_from(record, graph)
    except (UsageError, KeyError) as error:
        raise CorruptRecordError(f"timeline: not one of this configuration: {error}") from None


def _timeline_from(record: TimelineRecord, graph: Graph) -> Timeline:
    device_of = {action: graph.device(action) for action in graph.actions()}
    for span in record.spans:
        if device_of[parse_action(span.action)] != span.device or span.end_s < span.start_s:
            raise CorruptRecordError(f"timeline: {span.action} does not run so on device {span.device}")
    messages: dict[tuple[Action, int, int, Action | None], Message] = {}
    for m in messages_of(graph):
        ends = m.producer, m.sender, m.receiver
        messages[*ends, m.consumer] = messages[*ends, None] = m
    return Timeline(
        graph,
        (
            *(Span(s.device, parse_action(s.action), s.start_s, s.end_s) for s in record.spans),
            *_reductions(record, graph),
        ),
        tuple(Transfer(messages[_ends(t)], t.ready_s, t.start_s, t.end_s) for t in record.transfers),
        tuple(
            OtherWork(o.device, o.name, o.start_s, o.end_s)
            for o in record.other
            if o.name not in _NAMES.values()
        ),
    )


def _reductions(record: TimelineRecord, graph: Graph) -> Iterator[Span]:
    """The spans of work that belongs to no slice."""
    of = {
        (graph.device_of[stage], _NAMES[operation]): Action(operation, stage, 0)
        for operation in REDUCTIONS
        for stage in graph.reducing(operation)
    }
    for other in record.other:
        if other.name in _NAMES.values():
            yield Span(other.device, of[other.device, other.name], other.start_s, other.end_s)


def _ends(transfer: TransferRecord) -> tuple[Action, int, int, Action | None]:
    consumer = None if transfer.consumer is None else parse_action(transfer.consumer)
    return parse_action(transfer.action), transfer.sender, transfer.receiver, consumer


def device_usages(
    timeline: Timeline,
    layers: Sequence[str],
    memory: Sequence[MemoryBytes] = (),
    peaks_bytes: Sequence[int] | None = None,
    *,
    bytes_are: str = "computed",
) -> list[DeviceUsage]:
    """The table by device that a record holds; ``bytes_are`` says where memory is from, the peaks are measured."""
    return [
        DeviceUsage(
            device=device,
            layers=layers[device],
            **timeline.usage(device)._asdict(),
            activations_alive=timeline.activations_alive(device),
            memory=_memory(memory[device], bytes_are, peaks_bytes[device] if peaks_bytes else None)
            if memory
            else None,
        )
        for device in range(timeline.graph.devices)
    ]


def busy_s(record: TimelineRecord) -> float:
    """How long all devices together worked on actions and on the rest of the step."""
    return sum(item.end_s - item.start_s for item in work_of(record))


def work_of(record: TimelineRecord) -> list[SpanRecord | OtherRecord]:
    """All that a device did: actions, and the rest of the step."""
    return [*record.spans, *record.other]


def bubble(timeline: Timeline) -> Bubble:
    """The bubble with its definition."""
    return Bubble(fraction=timeline.bubble_fraction)


def _memory(of: MemoryBytes, label: str, peak_bytes: int | None) -> Memory:
    sizes = {f"{name}_bytes": value for name, value in of._asdict().items()}
    return Memory(**sizes, label=label, peak_bytes=peak_bytes)
