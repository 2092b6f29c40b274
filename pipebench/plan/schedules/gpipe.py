"""GPipe (arXiv 1811.06965, figure 2c): all forwards, then all backwards in reverse.

    device 0  F0 F1 F2 F3 .  .  B3 B2 B1 B0
    device 1  .  F0 F1 F2 F3 B3 B2 B1 B0 .      (a backward drawn as long as a forward)

With chunks, each microbatch goes through its chunks in time order, and back through them in reverse, since
the gradient of the state runs against time.
"""

from pipebench.plan.actions import Action, Operation
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan


def gpipe(graph: Graph) -> Plan:
    """Order all forwards, then all backwards mirrored; a device runs its stages upwards, then downwards."""
    slices = [(m, c) for m in range(graph.microbatches) for c in range(graph.chunks)]
    programs = []
    for device in range(graph.devices):
        stages = graph.stages_of(device)
        forward = [Action(Operation.FORWARD, s, m, c) for s in stages for m, c in slices]
        backward = [
            Action(operation, action.stage, action.microbatch, action.chunk)
            for action in reversed(forward)
            for operation in graph.operations[1:]
        ]
        programs.append((*forward, *backward))
    return Plan(graph, tuple(programs))
