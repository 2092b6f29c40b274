"""ZB-H1 (Zero Bubble, arXiv 2401.10241): 1F1B with the gradients of the weights moved to where 1F1B would wait.

    device 0  F0 F1 F2 .  .  I0 W0 F3 I1 W1 I2 W2 I3 W3
    device 1  .  F0 F1 .  I0 F2 I1 W0 F3 I2 W1 I3 W2 W3     (3 stages, 4 microbatches; all three operations
    device 2  .  .  F0 I0 F1 I1 F2 I2 W0 F3 I3 W1 W2 W3      drawn equally long)

The next device waits only for I. Stage s puts off at most s W; those that are left come last, where 1F1B drains. A
slice is kept until its W, so each stage keeps min(M, K) microbatches alive, as many as 1F1B's first stage.

The order is that of the paper, whatever the halves cost.
"""

from collections import deque

from pipebench.plan.actions import Action, Operation
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan, Program
from pipebench.plan.schedules.one_f_one_b import one_f_one_b


def zb_h1(graph: Graph) -> Plan:
    """Order a chain with one stage on each device.

    Args:
        graph: a chain whose backward is split.

    Raises:
        UsageError: A device runs several stages.
    """
    plan = one_f_one_b(graph, name="zb-h1")
    return Plan(graph, tuple(_put_off(graph, program) for program in plan.programs))


def _put_off(graph: Graph, program: Program) -> Program:
    """The program of one stage, with the W of a microbatch behind the I of the microbatch ``stage`` later."""
    actions: list[Action] = []
    waiting: deque[Action] = deque()  # the last I of each microbatch whose W is still to come
    for action in program:
        if action.operation is Operation.BACKWARD_WEIGHT:
            continue
        actions.append(action)
        if action.operation is Operation.BACKWARD_INPUT and action.chunk == 0:
            waiting.append(action)
            if len(waiting) > action.stage:
                actions.append(_weights(graph, waiting.popleft()))
    return (*actions, *(_weights(graph, last) for last in waiting))


def _weights(graph: Graph, last: Action) -> Action:
    """The W of all chunks of the microbatch of ``last``, as one cell."""
    return Action(Operation.BACKWARD_WEIGHT, last.stage, last.microbatch, chunks=graph.chunks)
