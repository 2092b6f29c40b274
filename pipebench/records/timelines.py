"""Timelines to and from their stored form.

A span's action is on one slice, or a cell of several, such as 2W0.0-7 or 2W0-1.*. Both ends of a transfer are always on
one slice.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from itertools import compress
from typing import TYPE_CHECKING

from pipebench.errors import CorruptRecordError, UsageError
from pipebench.models.outline import MemoryBytes
from pipebench.plan.actions import REDUCTIONS, Action, Operation, parse_action
from pipebench.plan.cells import is_unit, resolved, units_of
from pipebench.plan.graph import Graph
from pipebench.plan.transfers import Message, messages_of
from pipebench.records.figures import Bubble, DeviceUsage, Memory
from pipebench.records.schema import Clock
from pipebench.records.spans import OtherRecord, SpanRecord, TimelineRecord, TransferRecord
from pipebench.system import garbage
from pipebench.timing.timeline import OtherWork, Span, Timeline, Transfer

if TYPE_CHECKING:
    from pipebench.plan.numbers import Numbers

_NAMES = {Operation.NORM: "norm", Operation.TOTAL: "norm_total", Operation.CLIP: "clip"}  # in other work


def timeline_record(
    timeline: Timeline, *, clock: Clock, message_bytes: Callable[[Message], int] | None = None
) -> TimelineRecord:
    """The stored form of a timeline; ``clock`` is wall, virtual or simulated."""
    text = _Texts(timeline.graph)
    return TimelineRecord(
        clock=clock,
        makespan_s=timeline.makespan_s,
        spans=[
            SpanRecord(device=d, action=text[a], start_s=s, end_s=e)
            for d, a, s, e in timeline.spans
            if a.operation not in REDUCTIONS
        ],
        transfers=[
            TransferRecord(
                action=text[m.producer],
                sender=m.sender,
                receiver=m.receiver,
                ready_s=ready,
                start_s=start,
                end_s=end,
                bytes=message_bytes(m) if message_bytes else None,
                consumer=text[m.consumer],
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


class _Texts(dict[Action, str]):
    """The text form of a graph's actions, made once each: a record names an action several times."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.chunks = graph.chunks

    def __missing__(self, action: Action) -> str:
        self[action] = text = action.text(of_chunks=self.chunks)
        return text


class _Actions(dict[str, Action]):
    """The actions of a graph by their text form; others are parsed, and refused if the graph has no such action."""

    def __init__(self, graph: Graph, numbering: "Numbers") -> None:
        own = compress(numbering.every_action, numbering.exist.tolist())
        super().__init__((graph.text(action), action) for action in own)
        self.graph = graph

    @cached_property
    def of_graph(self) -> frozenset[Action]:
        """The graph's own actions, without any that were parsed."""
        return frozenset(self.graph.actions())

    def __missing__(self, text: str) -> Action:
        action = resolved(self.graph, parse_action(text))
        units = units_of(self.graph, action)
        if not units or not self.of_graph.issuperset(units):
            raise KeyError(text)
        self[text] = action
        return action


def timeline_from(record: TimelineRecord, graph: Graph) -> Timeline:
    """The timeline that was stored, on ``graph``.

    Raises:
        CorruptRecordError: It holds an action or a transfer that the graph does not have.
    """
    try:
        with garbage.put_off():
            return _timeline_from(record, graph)
    except (UsageError, KeyError) as error:
        raise CorruptRecordError(f"timeline: not one of this configuration: {error}") from None


def _timeline_from(record: TimelineRecord, graph: Graph) -> Timeline:
    from pipebench.plan.numbers import Numbers  # noqa: PLC0415 - numpy

    numbering = Numbers(graph)
    actions = _Actions(graph, numbering)
    for span in record.spans:
        if graph.device(actions[span.action]) != span.device or span.end_s < span.start_s:
            raise CorruptRecordError(f"timeline: {span.action} cannot run like this on device {span.device}")
    _check_cells(graph, [actions[span.action] for span in record.spans])
    messages = {(m.producer, m.consumer): m for m in messages_of(graph, numbering)}
    only = {}
    if any(stored.consumer is None for stored in record.transfers):  # older records do not name it
        only = {(m.producer, m.sender, m.receiver): m for m in messages.values()}
    return Timeline(
        graph,
        (
            *(Span(s.device, actions[s.action], s.start_s, s.end_s) for s in record.spans),
            *_reductions(record, graph),
        ),
        tuple(map(partial(_transfer, actions, messages, only), record.transfers)),
        tuple(
            OtherWork(o.device, o.name, o.start_s, o.end_s)
            for o in record.other
            if o.name not in _NAMES.values()
        ),
    )


def _check_cells(graph: Graph, actions: Sequence[Action]) -> None:
    """Check that no two actions run the same unit, where some are cells."""
    if all(is_unit(graph, action) for action in actions):
        return
    done: dict[Action, Action] = {}
    for action in actions:
        for unit in units_of(graph, action):
            if unit in done:
                both = f"{graph.text(done[unit])} and {graph.text(action)} both run {graph.text(unit)}"
                raise CorruptRecordError(f"timeline: {both}")
            done[unit] = action


def _transfer(
    actions: Mapping[str, Action],
    messages: Mapping[tuple[Action, Action], Message],
    only: Mapping[tuple[Action, int, int], Message],
    stored: TransferRecord,
) -> Transfer:
    producer = actions[stored.action]
    if stored.consumer is None:
        message = only[producer, stored.sender, stored.receiver]
    else:
        message = messages[producer, actions[stored.consumer]]
        if (message.sender, message.receiver) != (stored.sender, stored.receiver):
            raise KeyError(stored.action)
    return Transfer(message, stored.ready_s, stored.start_s, stored.end_s)


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


def device_usages(
    timeline: Timeline,
    layers: Sequence[str],
    memory: Sequence[MemoryBytes] = (),
    peaks_bytes: Sequence[int] | None = None,
    *,
    bytes_are: str = "computed",
) -> list[DeviceUsage]:
    """The table by device that a record holds; ``bytes_are`` says how memory was found. The peaks are measured."""
    return [
        DeviceUsage(
            device=device,
            layers=layers[device],
            **timeline.usage(device)._asdict(),
            activations_alive=timeline.activations_alive(device),
            weights_waiting=timeline.weights_waiting(device),
            memory=_memory(memory[device], bytes_are, peaks_bytes[device] if peaks_bytes else None)
            if memory
            else None,
        )
        for device in range(timeline.graph.devices)
    ]


def busy_s(record: TimelineRecord) -> float:
    """Seconds that all devices together worked, on actions and on the rest of the step."""
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
