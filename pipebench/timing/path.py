"""Program order and dependence of a plan, walked again and again with other lengths. Pure.

The simulator makes a timeline; this says how long a step takes, and nothing else. Messages wait for nobody and cost
their ends nothing, so a step is the longest way through what stands before what. ``simulate`` gives the same to the
last bit.
"""

from collections.abc import Mapping, Sequence

from pipebench.plan.actions import Action
from pipebench.plan.cells import cell_of
from pipebench.plan.plan import Plan
from pipebench.plan.transfers import Message, messages_to

_Inputs = tuple[tuple[int, Message], ...]  # where the producer stands, and its message


class Path:
    """Of one plan, which has no transfers of its own and computes a step.

    Args:
        plan: in whose order each device runs its actions.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        actions = [action for program in plan.programs for action in program]
        cells = cell_of(plan.graph, actions)
        inputs = {
            action: [(cells[each.producer], each) for each in messages_to(plan.graph, action)]
            for action in actions
        }
        order = _in_order(plan, inputs)
        place = {action: number for number, (_, action) in enumerate(order)}
        self._slots: list[tuple[int, Action, _Inputs]] = [
            (device, action, tuple((place[producer], each) for producer, each in inputs[action]))
            for device, action in order
        ]

    def takes_s(
        self,
        seconds: Mapping[Action, float],
        messages: Mapping[Message, float] | None = None,
        gaps: Mapping[Action, float] | None = None,
    ) -> float:
        """How long the step takes.

        Args:
            seconds: of each action.
            messages: how long each is on its way; by default no time.
            gaps: ahead of actions; by default none.
        """
        free = [0.0] * self.plan.graph.devices
        ends: list[float] = []
        for device, action, inputs in self._slots:
            now = free[device]
            for producer, message in inputs:
                there = ends[producer] if messages is None else ends[producer] + messages[message]
                if there > now:  # noqa: PLR1730 - half as long again with max
                    now = there
            if gaps:
                now += gaps.get(action, 0.0)
            now += seconds[action]
            free[device] = now
            ends.append(now)
        return max(free)


def _in_order(
    plan: Plan, inputs: Mapping[Action, Sequence[tuple[Action, Message]]]
) -> list[tuple[int, Action]]:
    """All actions with their devices, each behind what it needs."""
    at, found, done = [0] * len(plan.programs), list[tuple[int, Action]](), set[Action]()
    ready = list(range(len(plan.programs)))
    noted: dict[Action, list[int]] = {}
    while ready:
        device = ready.pop()
        for action in plan.programs[device][at[device] :]:
            missing = next((each for each, _ in inputs[action] if each not in done), None)
            if missing is not None:
                noted.setdefault(missing, []).append(device)
                break
            found.append((device, action))
            done.add(action)
            at[device] += 1
            ready += noted.pop(action, [])
    assert len(found) == sum(map(len, plan.programs)), "the plan was checked, and does not get stuck"
    return found
