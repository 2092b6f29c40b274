"""How many activations a device keeps, from action to action."""

from collections.abc import Iterator, Mapping

from pipebench.plan.actions import Action, Operation
from pipebench.plan.cells import slices_of
from pipebench.plan.graph import Graph
from pipebench.render.perfetto.events import Event, microseconds, nanoseconds
from pipebench.timing.timeline import Timeline

ALIVE = "activations alive"

# As ``plan.check.activations_alive`` counts: a backward in halves frees with its second half.
_CHANGES: Mapping[Operation, int] = {
    Operation.FORWARD: +1,
    Operation.BACKWARD: -1,
    Operation.BACKWARD_WEIGHT: -1,
}


def alive_events(timeline: Timeline, device: int, shift_ns: int) -> Iterator[Event]:
    """Count the slices on a device whose backward is still to come, over all its stages, after each change."""
    alive = 0
    yield _value(device, shift_ns, alive)
    for _, action, _, end_s in timeline.spans_of(device):
        change = _CHANGES.get(action.operation, 0)
        if change:
            alive += change * _slices(timeline.graph, action)
            yield _value(device, nanoseconds(end_s) + shift_ns, alive)


def _slices(graph: Graph, action: Action) -> int:
    """How many slices an action is on; a stage may not have all slices of a cell."""
    return action.slices if graph.segments == 1 else len(slices_of(graph, action))


def _value(device: int, time_ns: int, alive: int) -> Event:
    return Event("C", ALIVE, device, ts=microseconds(time_ns), args={"slices": alive})
