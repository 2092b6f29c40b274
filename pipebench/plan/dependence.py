"""The dependence rule: what each action of a graph needs. It is stated only here.

``F(s,m,c)`` is the forward of stage s on chunk c of microbatch m:

    F(s,m,c)  needs  F(p,m,c)     the activations, of every stage p that feeds s in c's segment
                     F(s,m,c-1)   the state at the end of the chunk before, if s keeps state
    B(s,m,c)  needs  F(s,m,c)     what the forward saved
                     B(n,m,c)     the gradient of its output, of every stage n that s feeds in c's segment
                     B(s,m,c+1)   the gradient of the state that it handed on, if s keeps state
    I(s,m,c)  as B, with I in place of B
    W(s,m,c)  needs  I(s,m,c)

If gradients are clipped, each device computes its share of their norm, which is work of no slice. Such an action is
named by the lowest stage of its device:

    NORM(d)   needs  the last backward operation of every slice of every stage of the device
    TOTAL     needs  NORM(d) of every device; it runs on the device of the first stage, which ends last
    CLIP(d)   needs  TOTAL, before the device's update
"""

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Any, NamedTuple

from pipebench.plan.actions import REDUCTIONS, Action, Operation
from pipebench.plan.graph import Graph, Neighbours, Where


class _Edge(NamedTuple):
    """An input of an action: ``operation`` on the same microbatch.

    It is of the same stage, ``chunk`` chunks later (-1: earlier), or of all neighbours in ``where``, on the same chunk.
    """

    operation: Operation
    where: Where | None = None
    chunk: int = 0


_F, _B, _I = Operation.FORWARD, Operation.BACKWARD, Operation.BACKWARD_INPUT
_RULE: dict[Operation, tuple[_Edge, ...]] = {
    Operation.FORWARD: (_Edge(_F, "fed_by"), _Edge(_F, chunk=-1)),
    Operation.BACKWARD: (_Edge(_F), _Edge(_B, "feeds"), _Edge(_B, chunk=+1)),
    Operation.BACKWARD_INPUT: (_Edge(_F), _Edge(_I, "feeds"), _Edge(_I, chunk=+1)),
    Operation.BACKWARD_WEIGHT: (_Edge(_I),),
}


def input_edges(
    graph: Graph, operation: Operation, stage: Any, microbatch: Any, chunk: Any
) -> Iterator[tuple[Operation, Any, Any, Any, Any]]:
    """Evaluate the rule for one action (integers) or for many of one operation (equal-shaped arrays).

    Yields ``(operation, stage, microbatch, chunk, exists)`` for each input that the rule names;
    ``exists`` is false (element by element for arrays) if the input lies outside the graph.
    """
    for edge in _RULE[operation]:
        if edge.where is not None:
            for at_stage in _in_turn(graph.neighbours(edge.where), stage):
                exists = (at_stage >= 0) & _is_alive(graph, at_stage, chunk)
                yield edge.operation, at_stage, microbatch, chunk, exists
        elif edge.chunk:
            at_chunk = chunk + edge.chunk
            inside = (at_chunk >= 0) & (at_chunk < graph.chunks) & (stage < graph.chain)
            yield edge.operation, stage, microbatch, at_chunk, inside & _is_alive(graph, stage, at_chunk)
        else:
            yield edge.operation, stage, microbatch, chunk, stage >= 0


def _is_alive(graph: Graph, stage: Any, chunk: Any) -> Any:
    """Whether a stage lives at a chunk; any value if there is no such stage or chunk."""
    if isinstance(stage, int):
        return stage < 0 or graph.alive[stage][chunk % graph.chunks]
    import numpy as np  # noqa: PLC0415 - whoever has arrays has it loaded

    return np.asarray(graph.alive)[stage, chunk % graph.chunks]


def _reduction_inputs(graph: Graph, operation: Operation, stage: int) -> Iterator[Action]:
    """The inputs of an action that belongs to no slice."""
    if operation is Operation.NORM:
        for neighbour in graph.stages_of(graph.device_of[stage]):
            for microbatch in range(graph.microbatches):
                for chunk in graph.chunks_of(neighbour):
                    yield Action(graph.operations[-1], neighbour, microbatch, chunk)
    elif operation is Operation.TOTAL:
        for other in graph.reducing(Operation.NORM):
            yield Action(Operation.NORM, other, 0)
    else:
        yield Action(Operation.TOTAL, 0, 0)


def _in_turn(neighbours: Neighbours, stage: Any) -> Iterable[Any]:
    """A stage's neighbours; for an array of stages, arrays of their first neighbours, second ones, ..., -1 for none."""
    if isinstance(stage, int):
        return neighbours[stage]
    import numpy as np  # noqa: PLC0415 - whoever has arrays has it loaded

    asked = np.flatnonzero(np.bincount(stage, minlength=len(neighbours)))
    columns = zip_longest(*(neighbours[each] for each in asked), fillvalue=-1)
    places = np.zeros(len(neighbours), int)
    places[asked] = np.arange(len(asked))
    return (np.asarray(column)[places[stage]] for column in columns)


def inputs_of(graph: Graph, action: Action) -> list[Action]:
    """The actions whose results ``action`` needs, by the rule."""
    if action.operation in REDUCTIONS:
        return list(_reduction_inputs(graph, action.operation, action.stage))
    return [Action(*needed) for *needed, exists in input_edges(graph, *action[:4]) if exists]
