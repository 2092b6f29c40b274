"""Place the work that belongs to no slice: after all other work of each device, before its update."""

from pipebench.plan.actions import REDUCTIONS, Action
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan


def reduced(graph: Graph, plan: Plan) -> Plan:
    """The plan with the graph's reductions at the end of each device's program; without any, the plan itself.

    Args:
        graph: the graph with the reductions.
        plan: a plan of the same graph without them.
    """
    if not graph.clips:
        return plan
    ends: list[list[Action]] = [[] for _ in range(graph.devices)]
    for operation in REDUCTIONS:
        for stage in graph.reducing(operation):
            ends[graph.device_of[stage]].append(Action(operation, stage, 0))
    return Plan(graph, tuple((*plan.program(device), *end) for device, end in enumerate(ends)))
