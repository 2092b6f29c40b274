"""The wavefront with zero bubble: list scheduling with measured costs of F, I and W, over chunks of time.

    0  F0.0 F0.1 F0.2 F1.0 F1.1 F1.2 .    .    I0.2 W0.2 I0.1 W0.1 I0.0 W0.0 I1.2 W1.2 I1.1 I1.0 W1.0-1
    1  .    F0.0 F0.1 F0.2 F1.0 F1.1 F1.2 I0.2 W0.2 I0.1 W0.1 I0.0 W0.0 I1.2 I1.1 I1.0 W1.0-2
    2  .    .    F0.0 F0.1 F0.2 I0.2 F1.0 F1.1 I0.1 F1.2 I0.0 I1.2 I1.1 I1.0 W0-1.*

    3 devices, 2 microbatches of 3 chunks, F = I = W, free messages; the cells at the end are as long as their slices

Microbatches go forward one after the other, chunk by chunk as in the wavefront. As soon as a microbatch turns, its
backwards of input and state (I) alternate with the forwards of the next one. They travel back at full speed, since the
gradients of weights (W) are left for later (zero bubble, arXiv 2401.10241). A W waits only for its I, so it fills the
pauses. The first devices run a few small cells of W while I comes slowly, because the last device alternates. Each
device runs one large cell at the end, since each cell has a fixed cost. The last device starts last, and the first one
gets the last I. So the last device has more W to do at the end, and all end at about the same time.

Stages beside the chain (the shards of a softmax, the loss) are ordered with it, in cells of a few chunks.

``order_search`` has the rules, and ``list_scheduling`` makes an order by them.
"""

from math import inf

from pipebench.errors import UsageError
from pipebench.plan.graph import Graph
from pipebench.plan.order_costs import OrderCosts, costs_on_paper
from pipebench.plan.plan import Plan


def wavefront_zb(
    graph: Graph,
    costs: OrderCosts | None = None,
    *,
    most_alive: int | None = None,
    most_waiting: int | None = None,
) -> Plan:
    """Order the whole graph, also beside the chain: try many orders on paper and take the best, always the same one.

    Args:
        graph: a graph whose backward is split, without work of no slice.
        costs: its costs; by default F, I and W take the graph's work each, and a message a fifth of a forward.
        most_alive: the most slices of a stage of the chain at any time whose F ran and whose W has not; by default any.
        most_waiting: the most slices of a stage of the chain at any time whose I ran and whose W has not; by default
            any.

    Raises:
        UsageError: The backward is whole, a limit leaves no room for one microbatch, or the costs are of another graph.
    """
    from pipebench.plan.schedules.list_scheduling import Limits  # noqa: PLC0415 - numpy
    from pipebench.plan.schedules.order_search import Search  # noqa: PLC0415 - numpy

    assert not graph.clips, "what belongs to no slice has no place to be found"
    if not graph.split_backward:
        raise UsageError(
            "schedule wavefront-zb takes a backward in two halves, got a whole one: use wavefront"
        )
    _check_limits(graph, most_alive, most_waiting)
    found = costs_on_paper(graph) if costs is None else costs
    found.check(graph)
    limits = Limits(inf if most_alive is None else most_alive, inf if most_waiting is None else most_waiting)
    return Plan(graph, Search(graph, found, limits).run().programs)


def _check_limits(graph: Graph, most_alive: int | None, most_waiting: int | None) -> None:
    """Refuse limits that no order can keep."""
    chunks = max(len(graph.chunks_of(stage)) for stage in range(graph.chain))
    if most_alive is not None and most_alive < chunks:
        raise UsageError(
            f"--most-alive: expected at least {chunks} slices, all chunks of one microbatch, got {most_alive}"
        )
    if most_waiting is not None and most_waiting < 1:
        raise UsageError(f"--most-waiting: expected at least 1 slice between I and W, got {most_waiting}")
