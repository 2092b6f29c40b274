"""A graph's actions as whole numbers, and the dependence rule between them in arrays: for steps of a million actions.

The numbers count through operation, stage, microbatch and chunk, the chunk fastest. Actions that belong to no slice are
last:

    2 stages, 2 microbatches    0F0 0F1 1F0 1F1 0B0 0B1 1B0 1B1 | 0NORM 1NORM 0TOTAL 1TOTAL 0CLIP 1CLIP
                                 0   1   2   3   4   5   6   7  |   8     9     10 ...

So numbers are in the order of ``Graph.actions``. Actions that do not exist have numbers too, which are not used. All
arrays are of int64 unless they say otherwise. Importing this module imports numpy.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, partial
from itertools import repeat
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from pipebench.plan.actions import REDUCTIONS, Action, Operation
from pipebench.plan.dependence import input_edges, inputs_of
from pipebench.plan.graph import Graph

Whole = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NONE = -1  # the number of actions that a graph does not have
_OPERATIONS = {operation: place for place, operation in enumerate(Operation)}

Row = TypeVar("Row", bound=tuple[Any, ...])


def rows(kind: type[Row], *columns: Iterable[Any]) -> Iterator[Row]:
    """Named tuples of a kind from columns, in half the time of ``kind._make``."""
    return map(partial(tuple.__new__, kind), zip(*columns, strict=True))


class Columns(NamedTuple):
    """Actions, field by field; ``operation`` is its place in ``Operation``, ``peer`` is -1 if there is none."""

    operation: Whole
    stage: Whole
    microbatch: Whole
    chunk: Whole
    peer: Whole

    def where(self, chosen: Flags) -> "Columns":
        """The chosen actions."""
        return Columns._make(column[chosen] for column in self)


class Inputs(NamedTuple):
    """``consumer[i]`` needs ``producer[i]``; ordered by the consumers' numbers, then as in the rule."""

    consumer: Whole
    producer: Whole

    def where(self, chosen: Flags) -> "Inputs":
        """The chosen inputs."""
        return Inputs(self.consumer[chosen], self.producer[chosen])


def columns_of(actions: Sequence[Action]) -> Columns:
    """The actions as arrays; a cell has the microbatch and chunk of its first slice."""
    if not actions:
        return Columns._make(np.empty(0, np.int64) for _ in Columns._fields)
    operations, stages, microbatches, chunks, peers, *_ = zip(*actions, strict=True)
    if peers.count(None) < len(peers):
        peer = np.array([NONE if each is None else each for each in peers], np.int64)
    else:
        peer = np.full(len(peers), NONE)
    operation = np.fromiter(map(_OPERATIONS.__getitem__, operations), np.int64, len(operations))
    stage, microbatch, chunk = (np.array(column, np.int64) for column in (stages, microbatches, chunks))
    return Columns(operation, stage, microbatch, chunk, peer)


def _of_units(number: int) -> Iterator[Iterable[Any]]:
    """The columns of the fields that are the same for all compute units."""
    return (repeat(Action._field_defaults[name], number) for name in Action._fields[4:])


def are(columns: Columns, operations: frozenset[Operation]) -> Flags:
    """Which of the actions are one of these operations."""
    return np.array([operation in operations for operation in Operation])[columns.operation]


class Numbers:
    """The numbering of one graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.shape = len(graph.operations), graph.stages, graph.microbatches, graph.chunks
        self.slices = int(np.prod(self.shape))
        self.total = self.slices + len(REDUCTIONS) * graph.stages

    @cached_property
    def exist(self) -> Flags:
        """For each number, whether the graph has the action."""
        alive = np.asarray(self.graph.alive)[None, :, None, :]
        reducing = np.zeros((len(REDUCTIONS), self.graph.stages), bool)
        for place, operation in enumerate(REDUCTIONS):
            reducing[place, self.graph.reducing(operation)] = True
        return np.concatenate([np.broadcast_to(alive, self.shape).ravel(), reducing.ravel()])

    @cached_property
    def devices(self) -> Whole:
        """For each number, the device on which the action runs."""
        of_stage = np.asarray(self.graph.device_of, np.int64)
        of_slices = np.broadcast_to(of_stage[None, :, None, None], self.shape).ravel()
        return np.concatenate([of_slices, *[of_stage] * len(REDUCTIONS)])

    def of(self, columns: Columns) -> Whole:
        """The actions' numbers, ``NONE`` for actions that the graph does not have."""
        operation = self._places[columns.operation]
        _, stages, microbatches, chunks = self.shape
        known = (columns.peer == NONE) & (operation != NONE)
        for column, size in zip(columns[1:4], (stages, microbatches, chunks), strict=True):
            known &= (column >= 0) & (column < size)
        number = ((operation * stages + columns.stage) * microbatches + columns.microbatch) * chunks
        number += columns.chunk
        reduces = operation >= self.shape[0]
        of_no_slice = self.slices + (operation - self.shape[0]) * stages + columns.stage
        known &= ~reduces | ((columns.microbatch == 0) & (columns.chunk == 0))
        number = np.where(reduces, of_no_slice, number)
        known[known] = self.exist[number[known]]
        return np.where(known, number, NONE)

    @cached_property
    def _places(self) -> Whole:
        """For each operation, its place in the numbering."""
        order = self._order
        return np.array([order.index(each) if each in order else NONE for each in Operation], np.int64)

    @property
    def _order(self) -> tuple[Operation, ...]:
        return *self.graph.operations, *REDUCTIONS

    def columns(self, numbers: Whole) -> Columns:
        """The actions of these numbers, as arrays."""
        place, stage, microbatch, chunk = np.unravel_index(np.minimum(numbers, self.slices - 1), self.shape)
        reduces = numbers >= self.slices
        rest = np.maximum(numbers - self.slices, 0)
        place = np.where(reduces, self.shape[0] + rest // self.graph.stages, place)
        return Columns(
            np.array([_OPERATIONS[operation] for operation in self._order])[place],
            np.where(reduces, rest % self.graph.stages, stage),
            np.where(reduces, 0, microbatch),
            np.where(reduces, 0, chunk),
            np.full(len(numbers), NONE),
        )

    def actions(self, numbers: Whole) -> list[Action]:
        """The actions of these numbers, as new objects."""
        every = tuple(Operation)
        operation, *columns, _ = (column.tolist() for column in self.columns(numbers))
        return list(rows(Action, map(every.__getitem__, operation), *columns, *_of_units(len(numbers))))

    @cached_property
    def every_action(self) -> list[Action]:
        """The action of each number, also of those that the graph does not have."""
        return self.actions(np.arange(self.total))

    @cached_property
    def inputs(self) -> Inputs:
        """The inputs of all actions of the graph, by the rule."""
        pairs = [*self._inputs_of_slices(), *self._inputs_of_reductions()]
        consumer, producer = (np.concatenate(column) for column in zip(*pairs, strict=True))
        order = np.argsort(consumer, kind="stable")
        return Inputs(consumer[order], producer[order])

    @cached_property
    def messages(self) -> Inputs:
        """The inputs from another device, in the order of ``transfers.messages_of``."""
        of = self.devices
        return self.inputs.where(of[self.inputs.producer] != of[self.inputs.consumer])

    def _inputs_of_slices(self) -> Iterator[Inputs]:
        order = {operation: place for place, operation in enumerate(self.graph.operations)}
        for operation, place in order.items():
            for stages in self._alike():
                stage, microbatch, chunk = self._slices_of(stages)
                consumer = np.ravel_multi_index((np.int64(place), stage, microbatch, chunk), self.shape)
                for needed, *at, exists in input_edges(self.graph, operation, stage, microbatch, chunk):
                    inside = np.broadcast_to(exists, consumer.shape)
                    producer = np.ravel_multi_index(
                        (np.int64(order[needed]), *(column[inside] for column in at)), self.shape
                    )
                    yield Inputs(consumer[inside], producer)

    def _alike(self) -> list[Whole]:
        """The stages in groups with about as many neighbours each, since an array is as wide as its widest stage."""
        graph = self.graph
        most = [max(len(graph.feeds[s]), len(graph.fed_by(s))).bit_length() for s in range(graph.stages)]
        return [np.flatnonzero(np.equal(most, width)) for width in sorted(set(most))]

    def _slices_of(self, stages: Whole) -> list[Whole]:
        """Stage, microbatch and chunk of all slices of some stages."""
        _, _, microbatches, chunks = self.shape
        grid = np.meshgrid(stages, np.arange(microbatches), np.arange(chunks), indexing="ij")
        alive = np.asarray(self.graph.alive)[grid[0], grid[2]]
        return [column[alive] for column in grid]

    def _inputs_of_reductions(self) -> Iterator[Inputs]:
        for operation in REDUCTIONS:
            for stage in self.graph.reducing(operation):
                action = Action(operation, stage, 0)
                producer = self.of(columns_of(inputs_of(self.graph, action)))
                consumer = self.of(columns_of([action]))
                yield Inputs(np.broadcast_to(consumer, producer.shape), producer)
