"""Which published order a recorded step ran in, if it is one that we know. Pure."""

from pipebench.errors import UsageError
from pipebench.plan.plan import Plan
from pipebench.plan.schedules import SCHEDULES

OTHER = "another"
_KNOWN = ("naive", "gpipe", "1f1b", "zb-h1")
_MOST_ACTIONS = 30_000  # of which orders are made in a moment


def order_of(plan: Plan) -> str:
    """The name of the first schedule whose order of each device's actions is the plan's; ``another`` if none is."""
    if sum(map(len, plan.programs)) > _MOST_ACTIONS:
        return OTHER
    return next((name for name in _KNOWN if _is(name, plan)), OTHER)


def _is(name: str, plan: Plan) -> bool:
    schedule = SCHEDULES[name]
    if schedule.splits_backward != plan.graph.split_backward:
        return False
    try:
        return schedule.plan(plan.graph).programs == plan.programs
    except UsageError:  # naive takes one microbatch, others one stage a device
        return False
