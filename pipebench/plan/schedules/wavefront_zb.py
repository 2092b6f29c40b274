"""The wavefront with zero bubble: list scheduling with measured costs of F, I and W, over chunks of time.

    0  F0.0 F0.1 F0.2 F1.0 F1.1 F1.2 .    .    I0.2 W0.2 I0.1 W0.1 I0.0 W0.0 I1.2 W1.2 I1.1 I1.0 W1.0-1
    1  .    F0.0 F0.1 F0.2 F1.0 F1.1 F1.2 I0.2 W0.2 I0.1 W0.1 I0.0 W0.0 I1.2 I1.1 I1.0 W1.0-2
    2  .    .    F0.0 F0.1 F0.2 I0.2 F1.0 F1.1 I0.1 F1.2 I0.0 I1.2 I1.1 I1.0 W0-1.*

    3 devices, 2 microbatches of 3 chunks, F = I = W, free messages; the cells at the end are as long as their slices

Microbatches go forward one after the other, chunk by chunk as in the wavefront. As soon as one turns, its backwards of
input and state (I) alternate with the forwards of the next one, and travel back at full speed, since the gradients of
weights (W) are left for later (zero bubble, arXiv 2401.10241). A W waits for nothing but its I, so it fills the pauses:
a few cells of some slices on the first devices, where I comes slowly while the last device alternates, and one large
cell at the end, since each cell has a fixed cost. The last device starts last and the first one gets the last I, so the
last one has more W to do at the end, and all are done at about the same time.

What stands beside the chain (the shards of a softmax, the loss) is listed with it, in cells of a few chunks.

``order_search`` says by which rules, ``list_scheduling`` how one order comes of them.
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
    """The whole graph, that beside the chain too; the best step on paper of many orders, always the same one.

    Args:
        graph: whose backward is split, with no work beyond its slices'.
        costs: of it; by default F, I and W take the graph's work each, and a message a fifth of a forward.
        most_alive: slices of a stage of the chain whose F ran and whose W has not, at any time; by default any number.
        most_waiting: likewise of those whose I ran and whose W has not.

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
        raise UsageError(f"most_waiting: expected at least 1 slice between I and W, got {most_waiting}")
