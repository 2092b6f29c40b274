"""The wavefront: gpipe's order over chunks of time (and microbatches, in any mix).

    device 0  F0.0 F0.1 F0.2 .    .    B0.2 B0.1 B0.0
    device 1  .    F0.0 F0.1 F0.2 B0.2 B0.1 B0.0 .        (one microbatch, a backward drawn as
                                                           long as a forward)

A stage starts chunk c as soon as the stage below has finished it. One microbatch with many chunks is what
ran in 2014: "activations sent to the next GPU as soon as they were computed".
"""

from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan
from pipebench.plan.schedules.gpipe import gpipe


def wavefront(graph: Graph) -> Plan:
    """Order as gpipe does: the graph's chunks make the wave."""
    return gpipe(graph)
