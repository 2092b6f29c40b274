"""1F1B (PipeDream-Flush, arXiv 2006.09503): once backwards can run, forwards and backwards alternate.

    device 0  F0 F1 F2 .  .  B0 F3 B1 .  B2 .  B3
    device 1  .  F0 F1 .  B0 F2 B1 F3 B2 .  B3 .     (3 stages, 4 microbatches; a backward drawn
    device 2  .  .  F0 B0 F1 B1 F2 B2 F3 B3 .  .      as long as a forward)

Stage s of K keeps at most min(M, K - s) microbatches alive where gpipe keeps M. It alternates whole
microbatches: the chunks of one go forward in time order, then backward in reverse.

The deep form has two more microbatches in flight. It is for a shared softmax, where shards and loss are two more stages
on a microbatch's way (Vocabulary Parallelism, arXiv 2411.05288). The last stage of the chain then has work to do while
a microbatch is there.
"""

from pipebench.errors import UsageError
from pipebench.plan.actions import Action, Operation
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan, Program

_DEEPER = 2


def one_f_one_b(graph: Graph, more: int = 0, *, name: str = "1f1b") -> Plan:
    """Order a chain with one stage on each device.

    Args:
        graph: a chain.
        more: how many more microbatches are in flight than the stages above need.
        name: the schedule's name, for the error.

    Raises:
        UsageError: A device runs several stages.
    """
    if graph.stages != graph.devices:
        raise UsageError(
            f"schedule {name} takes one stage a device, got {graph.stages} stages on {graph.devices} devices"
        )
    programs: list[Program] = [()] * graph.devices
    for stage, device in enumerate(graph.device_of):
        programs[device] = _program(graph, stage, more)
    return Plan(graph, tuple(programs))


def deep_one_f_one_b(graph: Graph) -> Plan:
    """Order a chain by 1F1B with two more microbatches in flight."""
    return one_f_one_b(graph, _DEEPER, name="1f1b-deep")


def _program(graph: Graph, stage: int, more: int) -> Program:
    """Warm up with one forward for each stage above and ``more``, then alternate, then drain."""
    ahead = min(graph.microbatches, graph.last_stage - stage + more)
    actions: list[Action] = []
    for microbatch in range(graph.microbatches + ahead):
        if microbatch < graph.microbatches:
            actions += [Action(Operation.FORWARD, stage, microbatch, c) for c in range(graph.chunks)]
        if microbatch >= ahead:
            actions += [
                Action(operation, stage, microbatch - ahead, c)
                for c in reversed(range(graph.chunks))
                for operation in graph.operations[1:]
            ]
    return tuple(actions)
