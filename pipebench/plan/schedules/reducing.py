"""The places of work that belongs to no slice: behind everything else on each device, before its update."""

from pipebench.plan.actions import REDUCTIONS, Action
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan


def reduced(graph: Graph, plan: Plan) -> Plan:
    """The plan with the graph's reductions at the end of each device's program; without any, the plan itself.

    Args:
        graph: of the result.
        plan: of the same slices.
    """
    if not graph.clips:
        return plan
    ends: list[list[Action]] = [[] for _ in range(graph.devices)]
    for operation in REDUCTIONS:
        for stage in graph.reducing(operation):
            ends[graph.device_of[stage]].append(Action(operation, stage, 0))
    return Plan(graph, tuple((*plan.program(device), *end) for device, end in enumerate(ends)))
