"""Naive model parallelism: one device works at a time.

device 0  F0 .  .  B0
device 1  .  F0 B0 .
"""

from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan
from pipebench.plan.schedules.gpipe import gpipe


def naive(graph: Graph) -> Plan:
    """The whole batch through all stages and back: gpipe's order with nothing to overlap."""
    assert graph.microbatches == graph.chunks_each == 1, "checked by the registry"
    return gpipe(graph)
