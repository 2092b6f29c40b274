"""How long a step takes at least, in whatever order each device runs its actions, if messages take no time.

    device 2   |  head   | all of its actions, without a pause | tail |
                first slice                                     last gradient
                on its way up                                   on its way down

A device cannot begin before the first of its actions has its inputs, and what follows its last one comes after it. Nor
can a step be shorter than the longest way through what needs what. The longest of all these is a bound. For equal
stages gpipe and 1F1B reach it: M + K - 1 slices. Where stages stand beside a chain there may be no order that does.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from pipebench.plan.actions import REDUCTIONS, Action
from pipebench.plan.cells import cell_of, inputs_of_cell
from pipebench.plan.graph import Graph


def least_s(graph: Graph, lengths: Mapping[Action, float]) -> float:
    """The bound in seconds.

    Args:
        graph: of the step.
        lengths: seconds of each of its actions; a cell needs what its units need, and gives all at its end.
    """
    inputs = _inputs(graph, lengths)
    order = _in_order(inputs)
    begins = _begins(order, inputs, lengths)
    follows = _follows(order, inputs, lengths)
    devices: dict[int, list[Action]] = defaultdict(list)
    for action in order:
        if action.operation not in REDUCTIONS:
            devices[graph.device(action)].append(action)
    longest = max(begins[action] + lengths[action] for action in order)
    of_devices = (
        min(begins[action] for action in own)
        + sum(lengths[action] for action in own)
        + min(follows[action] for action in own)
        for own in devices.values()
    )
    return max(longest, *of_devices)


def _inputs(graph: Graph, actions: Iterable[Action]) -> dict[Action, list[Action]]:
    """What each needs, once."""
    cells = cell_of(graph, actions)
    return {
        action: list(dict.fromkeys(cells[each] for each in inputs_of_cell(graph, action)))
        for action in actions
    }


def _in_order(inputs: Mapping[Action, list[Action]]) -> list[Action]:
    """Every action behind its inputs."""
    needed_by: dict[Action, list[Action]] = defaultdict(list)
    missing = {action: len(needed) for action, needed in inputs.items()}
    for action, needed in inputs.items():
        for each in needed:
            needed_by[each].append(action)
    order = [action for action, count in missing.items() if not count]
    for action in order:  # which grows meanwhile
        for waiting in needed_by[action]:
            missing[waiting] -= 1
            if not missing[waiting]:
                order.append(waiting)
    return order


def _begins(
    order: list[Action], inputs: Mapping[Action, list[Action]], lengths: Mapping[Action, float]
) -> dict[Action, float]:
    """When each could begin at the earliest, had it a device of its own."""
    begins: dict[Action, float] = {}
    for action in order:
        begins[action] = max((begins[each] + lengths[each] for each in inputs[action]), default=0.0)
    return begins


def _follows(
    order: list[Action], inputs: Mapping[Action, list[Action]], lengths: Mapping[Action, float]
) -> dict[Action, float]:
    """How long what needs each takes at least, until the end of the step."""
    follows = dict.fromkeys(order, 0.0)
    for action in reversed(order):
        for each in inputs[action]:
            follows[each] = max(follows[each], lengths[action] + follows[action])
    return follows
