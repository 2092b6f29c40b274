"""A timeline: the spans of all devices for one step, and what can be read off it.

    device 0  |zero|F0 F1|......|~~|B1 B0|optimizer|
    device 1  |zero|  ~~F0 F1 B1 B0|optimizer|        idle
                                         . waiting: the input was not sent yet, or was there and not used
                                         ~ transfer: the input was on the way

It does not matter who made it: the simulator from costs, or an executor from clocks.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import inf
from operator import attrgetter
from typing import NamedTuple, TypeVar

from pipebench.plan.actions import Action
from pipebench.plan.cells import units_in, units_of
from pipebench.plan.check import activations_alive, weights_waiting
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan
from pipebench.plan.transfers import Message


class Span(NamedTuple):
    """A compute action with its start and end, in seconds from the step's start."""

    device: int
    action: Action
    start_s: float
    end_s: float


class Transfer(NamedTuple):
    """A message on its way: ready when its producer is done, started when the link takes it."""

    message: Message
    ready_s: float
    start_s: float
    end_s: float


class OtherWork(NamedTuple):
    """Work of a device that is no action of the plan: zeroing gradients, the optimizer."""

    device: int
    name: str
    start_s: float
    end_s: float


class Usage(NamedTuple):
    """Where one device's time went; the four parts sum to the makespan.

    Where two operations of a device lap over, as clocks that are rounded say, it is busy once.
    """

    busy_s: float
    waiting_s: float
    transfer_s: float
    idle_s: float


class Gap(NamedTuple):
    """A pause between two actions: waiting until the input was sent, its transfer until it arrived, then waiting."""

    start_s: float
    sent_s: float
    arrived_s: float
    end_s: float


_OF_WORK = frozenset(
    {"makespan_s", "span_of", "_by_device", "_lanes"}
)  # what is the same whatever the messages
_Timed = TypeVar("_Timed", bound=Span | OtherWork)


@dataclass(frozen=True, eq=False)
class Timeline:
    """All times in seconds from the start of the step; equal whoever made it."""

    graph: Graph
    spans: tuple[Span, ...]
    transfers: tuple[Transfer, ...] = ()
    other: tuple[OtherWork, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timeline) and self._parts == other._parts

    def __hash__(self) -> int:
        return hash(self._parts)

    @property
    def _parts(self) -> tuple[object, ...]:
        return self.graph, self.spans, self.transfers, self.other

    @cached_property
    def makespan_s(self) -> float:
        """From the start of the step to the end of the last device's work."""
        return max((item.end_s for item in self._work), default=0.0)

    @cached_property
    def bubble_fraction(self) -> float:
        """1 - busy / (devices x makespan): GPipe's definition."""
        busy = sum(self._busy_s(device) for device in range(self.graph.devices))
        return max(1 - busy / (self.graph.devices * self.makespan_s), 0.0) if self.makespan_s else 0.0

    def with_transfers(self, transfers: tuple[Transfer, ...]) -> "Timeline":
        """The same work with these messages; what was found out about its spans is kept."""
        found = Timeline(self.graph, self.spans, transfers, self.other)
        kept = {name: value for name, value in self.__dict__.items() if name in _OF_WORK}
        found.__dict__.update(kept)
        return found

    def spans_of(self, device: int) -> list[Span]:
        """The compute actions of one device, first to last."""
        return self._by_device[device]

    @property
    def plan(self) -> Plan:
        """The order of each device's actions, compute only."""
        devices = range(self.graph.devices)
        return Plan(self.graph, tuple(tuple(span.action for span in self.spans_of(d)) for d in devices))

    def in_order(self) -> list[Span | OtherWork]:
        """All that devices do, by when it starts."""
        return _by_time(self._work)

    def activations_alive(self, device: int) -> int:
        """The most (microbatch, chunk) slices whose backward was still to come, summed over its stages."""
        return activations_alive(self._slice_by_slice(device))

    def weights_waiting(self, device: int) -> int:
        """The most slices whose weights' gradients alone were still to come, summed over its stages."""
        return weights_waiting(self._slice_by_slice(device))

    def _slice_by_slice(self, device: int) -> Iterable[Action]:
        """What a device ran; its units where a cell may be over slices in which its stage does not live."""
        actions = (span.action for span in self.spans_of(device))
        return actions if self.graph.segments == 1 else units_in(self.graph, actions)

    def usage(self, device: int) -> Usage:
        """Split one device's makespan into busy, waiting, transfer and idle."""
        busy = self._busy_s(device)
        gaps = self.gaps(device)
        waiting = sum(gap.sent_s - gap.start_s + gap.end_s - gap.arrived_s for gap in gaps)
        transfer = sum(gap.arrived_s - gap.sent_s for gap in gaps)
        return Usage(busy, waiting, transfer, max(self.makespan_s - busy - waiting - transfer, 0.0))

    def gaps(self, device: int) -> list[Gap]:
        """The pauses between one device's actions."""
        result, spans = [], self.spans_of(device)
        free_s = spans[0].end_s if spans else 0.0
        for span in spans:
            if span.start_s > free_s:
                sent_s, arrived_s = self._input_s.get(span.action, (span.start_s, span.start_s))
                sent_s = min(max(sent_s, free_s), span.start_s)
                result.append(Gap(free_s, sent_s, min(max(arrived_s, sent_s), span.start_s), span.start_s))
            free_s = max(free_s, span.end_s)
        return result

    @property
    def _work(self) -> list[Span | OtherWork]:
        """All that devices do."""
        return [*self.spans, *self.other]

    @cached_property
    def _by_device(self) -> dict[int, list[Span]]:
        result: dict[int, list[Span]] = defaultdict(list)
        for span in _by_time(self.spans):
            result[span.device].append(span)
        return result

    def _busy_s(self, device: int) -> float:
        """How long a device works, on one thing or on several at once."""
        return sum(_own_s(self._lanes[device]))

    @cached_property
    def _input_s(self) -> dict[Action, tuple[float, float]]:
        """When the last message to an action was sent, and when the last one arrived."""
        found: dict[Action, tuple[float, float]] = {}
        for message, ready_s, _, end_s in self.transfers:
            span = self.span_of.get(message.consumer)
            consumer = message.consumer if span is None else span.action
            sent_s, arrived_s = found.get(consumer, (0.0, 0.0))
            found[consumer] = max(sent_s, ready_s), max(arrived_s, end_s)
        return found

    @cached_property
    def _lanes(self) -> dict[int, list[Span | OtherWork]]:
        """All that each device does, first to last."""
        lanes: dict[int, list[Span | OtherWork]] = defaultdict(list)
        for item in self.in_order():
            lanes[item.device].append(item)
        return lanes

    @cached_property
    def span_of(self) -> dict[Action, Span]:
        """The span in which each unit ran."""
        return {unit: span for span in self.spans for unit in units_of(self.graph, span.action)}


def _own_s(lane: Iterable[Span | OtherWork]) -> Iterator[float]:
    """How long each piece of a device's work takes, in order of their starts, without what laps over those before."""
    free_s = -inf
    for item in lane:
        yield max(item.end_s - max(item.start_s, free_s), 0.0)
        free_s = max(free_s, item.end_s)


def _by_time(items: Iterable[_Timed]) -> list[_Timed]:
    """By start, then by end: two sorts of what is nearly in order, by one number each."""
    return sorted(sorted(items, key=attrgetter("end_s")), key=attrgetter("start_s"))
