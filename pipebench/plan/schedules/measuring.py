"""A plan to measure actions by: every operation of every stage, in cells of two sizes if it can run in cells.

    all F, stage by stage; then all I, the last stage first; then all W

On each stage the W of a microbatch are a short cell and a long one. On stages beyond the chain, some F and I are of one
chunk and some of a group, since a schedule may group them. The two sizes show what a cell costs beyond its slices.
"""

from collections.abc import Iterator

from pipebench.plan.actions import Action, Operation
from pipebench.plan.cells import slices_of
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan

_GROUP = 4  # chunks of the longer cells of stages beyond the chain
_SHORT = 4  # the shorter cell of W has the number of chunks divided by this


def measuring_plan(graph: Graph) -> Plan:
    """The plan to measure by, for a graph whose backward is split; work of no slice is left out."""
    programs: list[list[Action]] = [[] for _ in range(graph.devices)]
    for action in _in_order(graph):
        if slices_of(graph, action):
            programs[graph.device_of[action.stage]].append(action)
    return Plan(graph, tuple(map(tuple, programs)))


def _in_order(graph: Graph) -> Iterator[Action]:
    upwards = range(graph.stages)
    for operation, stages in (
        (Operation.FORWARD, upwards),
        (Operation.BACKWARD_INPUT, reversed(upwards)),
        (Operation.BACKWARD_WEIGHT, upwards),
    ):
        for stage in stages:
            for microbatch in range(graph.microbatches):
                for chunk, chunks in _cells(graph, operation, stage):
                    yield Action(operation, stage, microbatch, chunk, chunks=chunks)


def _cells(graph: Graph, operation: Operation, stage: int) -> list[tuple[int, int]]:
    """First chunk and number of chunks of each cell of a microbatch, in the order in which they run."""
    if operation is Operation.BACKWARD_WEIGHT:
        cells = _two(graph)
    elif stage < graph.chain:
        cells = [(chunk, 1) for chunk in range(graph.chunks)]
    else:
        cells = [cell for first, chunks in _two(graph) for cell in _groups(first, chunks, first == 0)]
    return cells if operation is Operation.FORWARD else cells[::-1]


def _two(graph: Graph) -> list[tuple[int, int]]:
    """A short range of the chunks and a long one, if there are two."""
    short = max(graph.chunks // _SHORT, 1)
    return [(0, short), (short, graph.chunks - short)] if graph.chunks > 1 else [(0, 1)]


def _groups(first: int, chunks: int, single: bool) -> Iterator[tuple[int, int]]:
    """The first chunk and the number of chunks of each cell of a range: single chunks, or groups."""
    size = 1 if single else _GROUP
    for chunk in range(first, first + chunks, size):
        yield chunk, min(size, first + chunks - chunk)
