"""Cells: units of one stage that run, and are costed, as one action.

    2W0.0-7   is 2W0.7 2W0.6 ... 2W0.0
    2F0.0-3   is 2F0.0 2F0.1 2F0.2 2F0.3
    2B0       is 2I0 2W0 in a graph whose backward is split; in other graphs it is a unit

The dependence rule is about units. A cell needs what its units need from outside the cell. Its units run in this
order, so each finds what it needs from inside.
"""

from collections.abc import Iterable, Iterator

from pipebench.errors import UsageError
from pipebench.plan.actions import EVERY, REDUCTIONS, Action, Operation
from pipebench.plan.dependence import inputs_of
from pipebench.plan.graph import Graph

_HALVES = Operation.BACKWARD_INPUT, Operation.BACKWARD_WEIGHT


def is_unit(graph: Graph, action: Action) -> bool:
    """Whether an action is a unit of this graph, not a cell."""
    return action.microbatches == action.chunks == 1 and not (
        graph.split_backward and action.operation is Operation.BACKWARD
    )


def units_of(graph: Graph, action: Action) -> list[Action]:
    """The units of a cell in the order in which they run; for a unit or a transfer, the action itself.

    Slices in which the stage does not live are left out. A cell's slices must be slices of the graph.
    """
    if is_unit(graph, action):
        return [action]
    operations: tuple[Operation, ...] = (action.operation,)
    if graph.split_backward and action.operation is Operation.BACKWARD:
        operations = _HALVES
    slices = slices_of(graph, action)
    return [
        Action(operation, action.stage, microbatch, chunk)
        for operation in operations
        for microbatch, chunk in slices
    ]


def slices_of(graph: Graph, action: Action) -> list[tuple[int, int]]:
    """The (microbatch, chunk) of a cell's slices, in running order; backwards take a microbatch's last chunk first."""
    chunks: Iterable[int] = range(action.chunk, action.chunk + action.chunks)
    alive = [chunk for chunk in chunks if graph.alive[action.stage][chunk]]
    if action.operation is not Operation.FORWARD:
        alive.reverse()
    microbatches = range(action.microbatch, action.microbatch + action.microbatches)
    return [(microbatch, chunk) for microbatch in microbatches for chunk in alive]


def on_each_slice(graph: Graph, action: Action) -> list[Action]:
    """A cell's operation on each of its slices by itself; a unit or work of no slice stays as it is.

    A whole backward stays whole even in a graph whose backward is split, since the costs of its halves are not known.
    """
    if action.slices == 1 or action.operation in REDUCTIONS:
        return [action]
    return [Action(action.operation, action.stage, *slice_) for slice_ in slices_of(graph, action)]


def inputs_of_cell(graph: Graph, action: Action) -> list[Action]:
    """The units of other cells whose results a cell needs, each once, in the order of its units and of the rule."""
    units = units_of(graph, action)
    own = frozenset(units)
    found = dict.fromkeys(needed for unit in units for needed in inputs_of(graph, unit))
    return [needed for needed in found if needed not in own]


def cell_of(graph: Graph, actions: Iterable[Action]) -> dict[Action, Action]:
    """For each unit the action that it is part of, often itself."""
    return {unit: action for action in actions for unit in units_of(graph, action)}


def units_in(graph: Graph, program: Iterable[Action]) -> Iterator[Action]:
    """The units of all actions of a program."""
    for action in program:
        yield from units_of(graph, action)


def resolved(graph: Graph, action: Action) -> Action:
    """An action that was read from text, with ``EVERY`` replaced by the graph's number of chunks.

    Raises:
        UsageError: The graph has no such slices.
    """
    found = action._replace(chunk=0, chunks=graph.chunks) if action.chunks == EVERY else action
    if action.operation in REDUCTIONS:
        return found
    if (
        found.stage >= graph.stages
        or found.microbatch + found.microbatches > graph.microbatches
        or found.chunk + found.chunks > graph.chunks
    ):
        raise UsageError(
            f"{graph.text(found)}: expected slices of {graph.stages} stages, {graph.microbatches} microbatches and "
            f"{graph.chunks} chunks"
        )
    return found
