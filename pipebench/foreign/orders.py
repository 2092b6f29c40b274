"""Which published order a recorded step ran in, if it is one that we know. Pure."""

from pipebench.errors import UsageError
from pipebench.plan.actions import Operation
from pipebench.plan.plan import Plan, Program
from pipebench.plan.schedules import SCHEDULES

OTHER = "another"
_ALIKE = ("naive", "1f1b", "zb-h1")
_MOST_ACTIONS = 30_000  # for larger plans, making the orders takes too long


def order_of(plan: Plan) -> str | None:
    """The name of the schedule that has the plan's order of actions on each device.

    GPipe's backwards may come in the order of the forwards, as in torch, or in the opposite one.

    Returns:
        A schedule's name, ``another``, or ``None`` for a plan that is too large to look at.
    """
    if sum(map(len, plan.programs)) > _MOST_ACTIONS:
        return None
    found = next((name for name in _ALIKE if _is(name, plan)), None)
    if found is None and not plan.graph.split_backward and all(map(_all_forwards_first, plan.programs)):
        return "gpipe"
    return OTHER if found is None else found


def _is(name: str, plan: Plan) -> bool:
    schedule = SCHEDULES[name]
    if schedule.splits_backward != plan.graph.split_backward:
        return False
    try:
        return schedule.plan(plan.graph).programs == plan.programs
    except UsageError:  # naive takes one microbatch, others one stage a device
        return False


def _all_forwards_first(program: Program) -> bool:
    """Whether a device has one stage, and runs its forwards in order, then its backwards in order, up or down."""
    forwards = [action.microbatch for action in program if action.operation is Operation.FORWARD]
    backwards = [action.microbatch for action in program if action.operation is not Operation.FORWARD]
    one_stage = len({action.stage for action in program}) == 1
    apart = all(action.operation is Operation.FORWARD for action in program[: len(forwards)])
    return one_stage and apart and forwards == sorted(forwards) and backwards in (forwards, forwards[::-1])
