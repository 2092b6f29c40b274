"""Flows: arrows from the action that made a result, through its message, to the action that needs it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pipebench.plan.actions import REDUCTIONS, Action
from pipebench.plan.cells import units_of
from pipebench.plan.graph import Graph
from pipebench.plan.transfers import Message, messages_of
from pipebench.render.perfetto.events import Event, Slice, microseconds
from pipebench.render.perfetto.lanes import Lane

_CATEGORY, _OF_THE_NORM = "microbatch", "norm of the gradients"


class _Place(NamedTuple):
    """Where a slice lies."""

    device: int
    lane: int
    slice: Slice

    def last_ns(self) -> int:
        """The last moment inside it."""
        return max(self.slice.end_ns - 1, self.slice.start_ns)

    def inside(self, wanted_ns: int) -> int:
        """The moment inside it that is nearest to ``wanted_ns``."""
        return min(max(wanted_ns, self.slice.start_ns), self.last_ns())


def flow_events(graph: Graph, lanes: Sequence[Sequence[Lane]]) -> Iterator[Event]:
    """An arrow for each message of a step between two devices.

    A reader finds the slice that an end belongs to by its lane and time. An arrow leaves at the last moment of the
    action that made the result, or earlier where the clocks of several hosts would make it lead back in time.
    """
    actions, sent = _places(graph, lanes)
    number = 0
    for message in messages_of(graph):
        if message.travels and message.producer in actions and message.consumer in actions:
            number += 1
            yield from _arrow(message, number, actions, sent.get(message))


def _arrow(
    message: Message, number: int, actions: Mapping[Action, _Place], sent: _Place | None
) -> Iterator[Event]:
    start, end = actions[message.producer], actions[message.consumer]
    end_ns = end.inside(start.last_ns())
    start_ns = start.inside(end_ns)
    name = _name(message.producer)
    yield _end("s", name, number, start, start_ns)
    if sent is not None:
        step_ns = sent.inside(start_ns)
        if start_ns <= step_ns <= end_ns and sent.slice.end_ns > sent.slice.start_ns:
            yield _end("t", name, number, sent, step_ns)
    yield _end("f", name, number, end, end_ns)


def _places(
    graph: Graph, lanes: Sequence[Sequence[Lane]]
) -> tuple[dict[Action, _Place], dict[Message, _Place]]:
    """The slice in which each unit ran, and that of each message."""
    actions: dict[Action, _Place] = {}
    sent: dict[Message, _Place] = {}
    for device, rows in enumerate(lanes):
        for number, lane in enumerate(rows, start=1):
            for each in lane.slices:
                place = _Place(device, number, each)
                if each.message is not None:
                    sent[each.message] = place
                if each.action is not None:
                    actions.update(dict.fromkeys(units_of(graph, each.action), place))
    return actions, sent


def _end(kind: str, name: str, number: int, place: _Place, time_ns: int) -> Event:
    """One end of an arrow, or its step; it belongs to the slice that it lies in."""
    return Event(
        kind,
        name,
        place.device,
        place.lane,
        ts=microseconds(time_ns),
        cat=_CATEGORY,
        id=number,
        bp="e",
    )


def _name(action: Action) -> str:
    return _OF_THE_NORM if action.operation in REDUCTIONS else f"microbatch {action.microbatch}"
