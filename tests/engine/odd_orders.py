"""Orders that odd costs make: cells over several microbatches, groups of a shard's slices, W left to the end."""

from dataclasses import replace
from math import inf
from random import Random

import msgspec

from pipebench.config.run_config import RunConfig
from pipebench.plan.graph import Graph
from pipebench.plan.order_costs import CellCost, OrderCosts
from pipebench.plan.plan import Plan
from pipebench.plan.schedules.list_scheduling import Limits
from pipebench.plan.schedules.order_search import Search
from pipebench.plan.schedules.reducing import reduced


def odd_costs(graph: Graph, seed: int) -> OrderCosts:
    """Each stage has its own; some operations cost most by the call, some nothing."""
    random = Random(seed)

    def cells() -> tuple[CellCost, ...]:
        return tuple(
            CellCost(random.choice([0.0, 0.2, 1.0, 3.0]), random.choice([0.0, 0.5, 4.0]))
            for _ in range(graph.stages)
        )

    def messages() -> tuple[float, ...]:
        return tuple(random.choice([0.0, 0.3, 2.0]) for _ in range(graph.stages))

    return OrderCosts(cells(), cells(), cells(), messages(), messages(), ports=seed % 2 == 0)


def ordered(asked: RunConfig, seed: int) -> RunConfig:
    """The run with an order of its own, of few tries: what is far from the best is tried too."""
    graph = replace(asked.graph, clips=False)
    limits = (inf if most is None else most for most in (asked.most_alive, asked.most_waiting))
    search = Search(graph, odd_costs(graph, seed), Limits(*limits))
    search.tries = 1 + seed % 5
    plan = reduced(asked.graph, Plan(graph, search.run().programs))
    return msgspec.structs.replace(asked, order=tuple(plan.csv().splitlines()))
