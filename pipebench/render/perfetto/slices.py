"""The slices of a step: what each device does, why it pauses, and what it sends."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import partial

from pipebench.errors import CorruptRecordError, UsageError
from pipebench.plan.actions import REDUCTIONS, Action
from pipebench.plan.transfers import Message
from pipebench.records.trace import OtherSpan
from pipebench.render.perfetto.events import Arguments, Slice, nanoseconds
from pipebench.render.perfetto.lanes import Lane, lanes_of
from pipebench.render.perfetto.step import ShownStep
from pipebench.render.pieces import Kind, kind_of
from pipebench.timing.timeline import Timeline

WORK, SENDING, OTHERS = "work and waiting", "messages on their way", "other operations"
PAUSES = frozenset({Kind.WAITING.value, Kind.TRANSFER.value})
MESSAGE, OTHER = "message", "other operation"
MOST_S = 9_000_000  # in nanoseconds still exact as a float


def lanes_by_device(step: ShownStep, shift_ns: int) -> list[list[Lane]]:
    """The lanes of each device: its work and pauses first, then what else it has.

    Args:
        step: the step to show.
        shift_ns: nanoseconds that are added to all times.

    Raises:
        CorruptRecordError: Something ends before it starts.
        UsageError: A time is too large for whole nanoseconds.
    """
    messages, others = _messages(step), _by_device(step.others)
    later = partial(_later, shift_ns)
    return [
        [
            *lanes_of(WORK, later(_work(step.timeline, device))),
            *lanes_of(SENDING, later(messages[device])),
            *lanes_of(OTHERS, later(map(_other, others[device]))),
        ]
        for device in range(step.timeline.graph.devices)
    ]


def shift_of(step: ShownStep) -> int:
    """How many nanoseconds lie before the step's start; readers take no time below 0."""
    return max([0, *(-nanoseconds(other.start_s) for other in step.others)])


def _later(shift_ns: int, slices: Iterable[Slice]) -> Iterable[Slice]:
    if not shift_ns:
        return slices
    return (
        each._replace(start_ns=each.start_ns + shift_ns, end_ns=each.end_ns + shift_ns) for each in slices
    )


def _work(timeline: Timeline, device: int) -> Iterator[Slice]:
    graph, spans = timeline.graph, timeline.spans_of(device)
    for _, action, start_s, end_s in spans:
        text, kind = graph.text(action), kind_of(action.operation)
        yield _slice(start_s, end_s, text, kind, _arguments(action, text), action=action)
    for other in timeline.other:
        if other.device == device:
            yield _slice(other.start_s, other.end_s, other.name, Kind.OTHER, {})
    yield from _pauses(timeline, device)


def _pauses(timeline: Timeline, device: int) -> Iterator[Slice]:
    """The pauses between two actions: waiting until the input was sent, its transfer until it arrived, and the rest."""
    next_at = {span.start_s: timeline.graph.text(span.action) for span in timeline.spans_of(device)}
    for start_s, sent_s, arrived_s, end_s in timeline.gaps(device):
        before: Arguments = {"before": next_at[end_s]}
        for kind, begin_s, finish_s in (
            (Kind.WAITING, start_s, sent_s),
            (Kind.TRANSFER, sent_s, arrived_s),
            (Kind.WAITING, arrived_s, end_s),
        ):
            if finish_s > begin_s:
                yield _slice(begin_s, finish_s, kind.value, kind, before)


def _messages(step: ShownStep) -> dict[int, list[Slice]]:
    """The messages by sender. By the clocks of two devices, a message may seem to arrive before it left."""
    graph, found = step.timeline.graph, defaultdict[int, list[Slice]](list)
    for (message, ready_s, start_s, end_s), size in zip(
        step.timeline.transfers, step.sizes_bytes, strict=True
    ):
        sent, needed = graph.text(message.producer), graph.text(message.consumer)
        arguments: dict[str, str | int | float] = {
            "result_of": sent,
            "needed_by": needed,
            "to_device": message.receiver,
            "waited_for_link_us": max(nanoseconds(start_s) - nanoseconds(ready_s), 0) / 1000,
        }
        if size is not None:
            arguments["bytes"] = size
        if end_s < start_s:
            arguments["clocks_differ_us"] = (nanoseconds(start_s) - nanoseconds(end_s)) / 1000
        name = f"{sent} to device {message.receiver}"
        made = _slice(start_s, max(start_s, end_s), name, MESSAGE, arguments, message=message)
        found[message.sender].append(made)
    return found


def _other(other: OtherSpan) -> Slice:
    """An operation that another program recorded beside forwards and backwards."""
    arguments: dict[str, str | int | float] = {"operation": other.operation, "stage": other.stage}
    if other.microbatch is not None:
        arguments["microbatch"] = other.microbatch
    name = f"{other.stage}{other.operation}{'' if other.microbatch is None else other.microbatch}"
    return _slice(other.start_s, other.end_s, name, OTHER, arguments)


def _by_device(others: Iterable[OtherSpan]) -> dict[int, list[OtherSpan]]:
    found = defaultdict[int, list[OtherSpan]](list)
    for other in others:
        found[other.device].append(other)
    return found


def _slice(
    start_s: float,
    end_s: float,
    name: str,
    category: str,
    arguments: Arguments,
    *,
    action: Action | None = None,
    message: Message | None = None,
) -> Slice:
    """A slice of these seconds.

    Raises:
        CorruptRecordError: It ends before it starts.
        UsageError: A time is too large for whole nanoseconds.
    """
    if end_s < start_s:
        raise CorruptRecordError(f"timeline: {name} ends before it starts, at {end_s:g} and {start_s:g} s")
    if not -MOST_S < start_s <= end_s < MOST_S:
        raise UsageError(f"{name} runs at {end_s:g} s: expected a step of {MOST_S:,} s at most (104 days)")
    category = category.replace(",", "")  # a comma would make two categories of it
    return Slice(nanoseconds(start_s), nanoseconds(end_s), name, category, arguments, action, message)


def _arguments(action: Action, text: str) -> Arguments:
    """An action in numbers; for a cell its first slice, and how many there are."""
    found: dict[str, str | int | float] = {"action": text, "stage": action.stage}
    if action.operation in REDUCTIONS:
        return found
    found |= {"microbatch": action.microbatch, "chunk": action.chunk}
    if action.slices > 1:
        found |= {"microbatches": action.microbatches, "chunks": action.chunks}
    return found
