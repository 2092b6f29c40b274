"""The forwards and backwards of a graph as numbered jobs, for list scheduling.

A job is one F or I. On a stage of the chain it is on one slice, on another stage on a group of consecutive chunks. Jobs
are numbered by operation, stage, microbatch and chunk. A job waits for jobs of its own device, and for messages of one
slice each. A job's messages go in the order of the transfer pass: in the order in which the job runs their slices, then
in the order of their consumers in the graph.

On each stage of the chain the forwards run through all slices in order, and the backwards of a microbatch run through
its slices in reverse order. The dependence rule alone asks for less, if a stage does not live at some chunks or has
several microbatches. With this order a limit on alive slices cannot leave an older microbatch without room, and the
slices of a microbatch that wait for W are one row of chunks.

Importing this module imports numpy.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from pipebench.plan.graph import Graph
from pipebench.plan.numbers import Numbers, Whole
from pipebench.plan.order_costs import OrderCosts

FORWARD, BACKWARD = 0, 1


class Jobs:
    """The jobs of one graph.

    Args:
        graph: a graph whose backward is split.
        costs: the costs of its actions.
        groups: how the chunks of a microbatch are grouped for the jobs of stages beyond the chain: sizes in order,
            which add up to at least all chunks.
    """

    def __init__(self, graph: Graph, costs: OrderCosts, groups: Sequence[int]) -> None:
        self.graph, self.costs = graph, costs
        self._numbers = Numbers(graph)
        self._group = np.repeat(np.arange(len(groups)), groups)[: graph.chunks]
        self._number_jobs()
        self._link()
        self.device: list[int] = np.asarray(graph.device_of)[self.stages].tolist()
        self.stage: list[int] = self.stages.tolist()
        self.backward: list[bool] = (self.operations == BACKWARD).tolist()
        self.seconds = self._seconds()

    def _number_jobs(self) -> None:
        """Find the fields of each job, and the job of each unit."""
        graph, numbers = self.graph, self._numbers
        shape = (2, *numbers.shape[1:])
        units = np.flatnonzero(numbers.exist[: int(np.prod(shape))])
        operation, stage, microbatch, chunk = np.unravel_index(units, shape)
        piece = np.where(stage < graph.chain, chunk, self._group[chunk])
        place = np.ravel_multi_index((operation, stage, microbatch, piece), shape)
        _, first, job, slices = np.unique(place, return_index=True, return_inverse=True, return_counts=True)
        self.job_of = np.full(numbers.total, -1)
        self.job_of[units] = job
        self.operations, self.stages, self.microbatches = (
            column[first] for column in (operation, stage, microbatch)
        )
        self.low = chunk[first]
        self.high = np.zeros(len(first), np.int64)
        np.maximum.at(self.high, job, chunk)
        self.slices: list[int] = slices.tolist()

    def _seconds(self) -> list[float]:
        tables = self.costs.forward, self.costs.backward_input
        ends = zip(self.operations.tolist(), self.stage, self.slices, strict=True)
        return [tables[operation][stage].of(slices) for operation, stage, slices in ends]

    # what waits for what

    def _link(self) -> None:
        numbers = self._numbers
        consumer, producer = (numbers_of[self._between_jobs] for numbers_of in numbers.inputs)
        remote = numbers.devices[consumer] != numbers.devices[producer]
        here = self.job_of[producer[~remote]], self.job_of[consumer[~remote]]
        self._link_locally(*here)
        self._link_messages(producer[remote], consumer[remote])
        waits = np.bincount(np.asarray(self.followers, np.int64), minlength=len(self.stages))
        waits += np.bincount(np.asarray(self.consumers, np.int64), minlength=len(self.stages))
        self.waits: list[int] = waits.tolist()

    @cached_property
    def _between_jobs(self) -> "np.typing.NDArray[np.bool_]":
        """For each input, whether it is between two jobs; W is no job."""
        consumer, producer = self._numbers.inputs
        jobs = self.job_of[consumer], self.job_of[producer]
        between: np.typing.NDArray[np.bool_] = (jobs[0] >= 0) & (jobs[1] >= 0) & (jobs[0] != jobs[1])
        return between

    def _link_locally(self, producer: Whole, consumer: Whole) -> None:
        pairs = [np.stack([producer, consumer]), *self._in_order()]
        both = np.unique(np.concatenate(pairs, axis=1), axis=1)
        self.followers: list[int] = both[1].tolist()
        self.first_follower = _bounds(both[0], len(self.stages))

    def _in_order(self) -> "list[np.typing.NDArray[np.int64]]":
        """Pairs of jobs on each stage of the chain that must run in this order."""
        jobs = np.arange(len(self.stages) - 1)
        chain = (self.stages[1:] < self.graph.chain) & (self.stages[1:] == self.stages[:-1])
        same = chain & (self.operations[1:] == self.operations[:-1])
        forward = jobs[same & (self.operations[1:] == FORWARD)]
        back = jobs[
            same & (self.operations[1:] == BACKWARD) & (self.microbatches[1:] == self.microbatches[:-1])
        ]
        return [np.stack([forward, forward + 1]), np.stack([back + 1, back])]

    def _link_messages(self, producer: Whole, consumer: Whole) -> None:
        chunk = producer % self.graph.chunks
        job = self.job_of[producer]
        turn = np.where(self.operations[job] == FORWARD, chunk, -chunk)
        order = np.lexsort((consumer, turn, job))
        job, to = job[order], self.job_of[consumer[order]]
        of = np.asarray(self.graph.device_of)
        self.consumers: list[int] = to.tolist()
        self.senders: list[int] = of[self.stages[job]].tolist()
        self.receivers: list[int] = of[self.stages[to]].tolist()
        table = np.array([self.costs.forward_message_s, self.costs.backward_message_s])
        self.message_s: list[float] = table[self.operations[job], self.stages[job]].tolist()
        self.first_message = _bounds(job, len(self.stages))


def _bounds(sorted_keys: Whole, number: int) -> list[int]:
    """Where the entries of each key begin, and where the last ones end."""
    found: list[int] = np.searchsorted(sorted_keys, np.arange(number + 1)).tolist()
    return found


def groups_of(chunks: int, size: int, *, finer_end: bool) -> list[int]:
    """Sizes of the groups of a microbatch's chunks; ``finer_end`` cuts the last group in halves: 4 4 2 1 1."""
    sizes = [min(size, chunks - begin) for begin in range(0, chunks, size)]
    while finer_end and sizes[-1] > 1:
        last = sizes.pop()
        sizes += [last - last // 2, last // 2]
    return sizes
