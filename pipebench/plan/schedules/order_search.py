"""The search for an order: list scheduling by many rules, each a step on paper; the best step is kept.

Rules say which of two jobs goes first, and when W fills a pause:

    rank of F     microbatch x chunks + chunk
    rank of I     microbatch x chunks + chunks - 1 - chunk + offset      which makes I and F alternate
    W             in cells of given sizes; at the end, the rest in as few cells as possible

First all stages get the same rules. Then each stage gets rules of its own, first the stage whose device ends last.
Stages near the end of the chain need no W in their pauses, the first ones do. The search ends after a number of tries,
not after some time, so the same graph always gets the same order.

Importing this module imports numpy.
"""

from collections.abc import Iterator
from itertools import product
from math import ceil
from typing import NamedTuple

import numpy as np

from pipebench.plan.graph import Graph
from pipebench.plan.order_costs import OrderCosts
from pipebench.plan.schedules.jobs import BACKWARD, Jobs, groups_of
from pipebench.plan.schedules.list_scheduling import Filling, Limits, Listed, listed

_WORK = 400_000  # jobs and messages in all tries together
_MOST_TRIES = 100
_LARGE = 500_000  # a graph with so many jobs and messages gets one try; a smaller one gets at least a few
_FEW = 6
_ENDS = 0.1  # weight of the devices' mean end in the score, since the last end alone hides most changes
_WORTH_CALL = 0.1  # share of a cell's time that its fixed part may take
_OFFSETS = -8, -4, 4, 8
_SLOPES = 1.0, 1.5, 2.5  # slices of W in a stage's pauses, for each stage above it
_LONG = 8  # up to so many cells of a stage are changed one by one


class Rules(NamedTuple):
    """The rules that make an order.

    Args:
        offsets: how many slices the rank of I is behind that of F, for each stage of the chain.
        sizes: the sizes of the cells of W that fill pauses, for each stage of the chain.
        wait: a device does not run a cell, but waits, if an F or I can start within this share of the cell's time.
        group: the number of chunks in a job of a stage beyond the chain.
        finer_end: whether the last group is cut finer, since the turn from forwards to backwards waits for it.
        lead: how many slices sooner a backward beyond the chain goes than one of the last stage of the chain.
    """

    offsets: tuple[int, ...]
    sizes: tuple[tuple[int, ...], ...]
    wait: float
    group: int
    finer_end: bool
    lead: int


class Search:
    """A search that keeps the best order so far.

    Args:
        graph: a graph whose backward is split, without work of no slice.
        costs: the graph's costs.
        limits: the limits of each stage of the chain.
    """

    def __init__(self, graph: Graph, costs: OrderCosts, limits: Limits) -> None:
        self.graph, self.costs, self.limits = graph, costs, limits
        self._jobs: dict[tuple[int, bool], Jobs] = {}
        self._tried: set[Rules] = set()
        self.rules = self._first()
        jobs = self._jobs_of(self.rules)
        self.tries = tries_for(len(jobs.seconds) + len(jobs.message_s))
        self.best: Listed | None = None
        self.score = 0.0

    def run(self) -> Listed:
        """Try one set of rules after the other; the best order."""
        self._consider(self.rules)
        assert self.best is not None
        for rules in self._alike():
            self._consider(rules)
        for rules in self._shared_changes():
            self._consider(rules)
        while self._left() and self._own_rules():
            pass
        return self.best

    def _left(self) -> bool:
        return len(self._tried) < self.tries

    def _consider(self, rules: Rules) -> bool:
        """Try these rules; whether they are the best so far."""
        if rules in self._tried or not self._left():
            return False
        self._tried.add(rules)
        jobs = self._jobs_of(rules)
        found = listed(jobs, ranks_of(jobs, rules), self._filling(rules), self.limits)
        score = found.end_s + _ENDS * sum(found.ends_s) / len(found.ends_s)
        if self.best is not None and score >= self.score:
            return False
        self.best, self.rules, self.score = found, rules, score
        return True

    # rules

    def _first(self) -> Rules:
        graph = self.graph
        chain, chunks = graph.chain, graph.chunks
        sizes = self._endless(self._worth(0))
        group = min(chunks, 4)
        return Rules((chunks + chunks // 2,) * chain, (sizes,) * chain, 0.2, group, group > 1, 2 * chain)

    def _alike(self) -> Iterator[Rules]:
        """Rules with one offset for all stages, and the same cells for all or cells that taper off."""
        chain, chunks = self.graph.chain, self.graph.chunks
        offsets = [chunks + 2 * chain, chunks + chain, chunks, chunks // 2, chunks + chain // 2]
        endless = (self._endless(2), (), self._endless(self._worth(0)))
        rows = [*(tapered(chain, slope) for slope in _SLOPES), *((sizes,) * chain for sizes in endless)]
        for offset, sizes in product(dict.fromkeys(offsets), rows):
            yield self.rules._replace(offsets=(offset,) * chain, sizes=sizes)

    def _shared_changes(self) -> Iterator[Rules]:
        """The best rules so far, with one thing changed for all stages."""
        chunks = self.graph.chunks
        if self.graph.stages > self.graph.chain:
            for group in (2, 8, 1, chunks):
                yield self.rules._replace(group=min(group, chunks))
            yield self.rules._replace(finer_end=not self.rules.finer_end)
            for lead in (0, 4 * self.graph.chain):
                yield self.rules._replace(lead=lead)
        for wait in (0.05, 0.5):
            yield self.rules._replace(wait=wait)

    def _own_rules(self) -> bool:
        """Try rules for single stages, first for the one whose device ends last; whether any made the order better."""
        assert self.best is not None
        ends, of = self.best.ends_s, self.graph.device_of
        found = False
        for stage in sorted(range(self.graph.chain), key=lambda stage: -ends[of[stage]]):
            for sizes in (*nearby(self.rules.sizes[stage]), *self._fillings(stage)):
                found |= self._consider(self._with(stage, sizes=sizes))
            for more in _OFFSETS:
                found |= self._consider(self._with(stage, offset=max(0, self.rules.offsets[stage] + more)))
        return found

    def _with(self, stage: int, sizes: tuple[int, ...] | None = None, offset: int | None = None) -> Rules:
        rules = self.rules
        if sizes is not None:
            return rules._replace(sizes=(*rules.sizes[:stage], sizes, *rules.sizes[stage + 1 :]))
        assert offset is not None
        return rules._replace(offsets=(*rules.offsets[:stage], offset, *rules.offsets[stage + 1 :]))

    # cells of W

    def _fillings(self, stage: int) -> list[tuple[int, ...]]:
        """Sizes of cells that may fill pauses: no cells, a few, or endless small ones."""
        found = [(), (3, 5), self._endless(2), (7, 4), self._endless(1), self._endless(self._worth(stage))]
        return list(dict.fromkeys(found))

    def _endless(self, size: int) -> tuple[int, ...]:
        return (size,) * (self.graph.microbatches * self.graph.chunks // size)

    def _worth(self, stage: int) -> int:
        """The slices that make a cell worth its call, but at most a quarter of a microbatch."""
        each = self.costs.backward_weight[stage]
        needed = ceil(each.call_s / (_WORTH_CALL * each.slice_s)) if each.slice_s else self.graph.chunks
        return max(1, min(needed, self.graph.chunks // 4))

    # what list scheduling is given

    def _jobs_of(self, rules: Rules) -> Jobs:
        key = rules.group, rules.finer_end
        if key not in self._jobs:
            groups = groups_of(self.graph.chunks, rules.group, finer_end=rules.finer_end)
            self._jobs[key] = Jobs(self.graph, self.costs, groups)
        return self._jobs[key]

    def _filling(self, rules: Rules) -> Filling:
        beyond = self._endless(min(2 * rules.group, self.graph.chunks))
        return Filling((*rules.sizes, *(beyond,) * (self.graph.stages - self.graph.chain)), rules.wait)


def tries_for(size: int) -> int:
    """How many orders are tried for a graph with so many jobs and messages."""
    return max(min(_MOST_TRIES, _WORK // size), _FEW if size < _LARGE else 1)


def ranks_of(jobs: Jobs, rules: Rules) -> list[int]:
    """The rank of each job; at the same turn backwards come first, and then stages beyond the chain."""
    chain, chunks = jobs.graph.chain, jobs.graph.chunks
    back, beyond = jobs.operations == BACKWARD, jobs.stages >= chain
    offsets = np.array([*rules.offsets, *[rules.offsets[-1] - rules.lead] * (jobs.graph.stages - chain)])
    turn = np.where(back, chunks - 1 - jobs.high + offsets[jobs.stages], jobs.low)
    order = np.lexsort((~beyond, ~back, jobs.microbatches * chunks + turn))
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    found: list[int] = ranks.tolist()
    return found


def tapered(chain: int, slope: float) -> tuple[tuple[int, ...], ...]:
    """Sizes of cells for pauses: the lower a stage, the more slices. Each cell is larger than the one before."""
    return tuple(_growing(round(slope * (chain - 1 - stage))) for stage in range(chain))


def _growing(slices: int) -> tuple[int, ...]:
    """The sizes of up to three cells with so many slices in all."""
    if slices < 5:
        return (slices,) if slices else ()
    first, second = round(0.2 * slices), round(0.3 * slices)
    return (
        (first, second, slices - first - second)
        if slices >= 9
        else (first + second - 1, slices - first - second + 1)
    )


def nearby(sizes: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The same cells with one change: a cell more or less at the end, two joined, or one a slice larger or smaller."""
    if len(sizes) > _LONG:
        return [sizes[:2], sizes[:3]]
    found = [sizes[:-1], (*sizes, 4)]
    if len(sizes) > 1:
        found += [(sizes[0] + sizes[1], *sizes[2:])]
    for turn, size in enumerate(sizes):
        found += [(*sizes[:turn], size + more, *sizes[turn + 1 :]) for more in (1, -1) if size + more]
    return found
