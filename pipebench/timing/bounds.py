"""The least time of a step, in any order of each device's actions, if messages take no time.

    device 2   |  head   | all of its actions, without a pause | tail |
                first slice                                     last gradient
                on its way up                                   on its way down

A device cannot begin before its first action has its inputs. What needs its last action comes after that. So each
device gives a bound: head, own work and tail. The longest path of dependent actions is another bound. The largest of
them counts. For equal stages gpipe and 1F1B reach it: M + K - 1 slices. If there are stages beside the chain, there may
be no order that reaches it.
"""

from collections.abc import Mapping, Sequence

from pipebench.plan.actions import REDUCTIONS, Action
from pipebench.plan.graph import Graph

_Places = list[list[int]]  # for each action the places of other actions


def least_s(graph: Graph, lengths: Mapping[Action, float]) -> float:
    """The bound in seconds.

    Args:
        graph: the graph of the step.
        lengths: seconds of each of its actions; a cell needs what its units need, and gives all results at its end.
    """
    return Bound(graph, list(lengths)).least_s(lengths)


class Bound:
    """The bound for many steps of the same actions; their dependence is looked up once.

    Args:
        graph: the graph of the steps.
        actions: all actions of a step, units or cells.
    """

    def __init__(self, graph: Graph, actions: Sequence[Action]) -> None:
        self.actions = actions
        self.inputs = _inputs(graph, actions)
        self.order = _in_order(self.inputs)
        devices: dict[int, list[int]] = {}
        for place in self.order:
            if actions[place].operation not in REDUCTIONS:
                devices.setdefault(graph.device(actions[place]), []).append(place)
        self.devices = list(devices.values())

    def least_s(self, lengths: Mapping[Action, float]) -> float:
        """The bound in seconds, for these seconds of each action."""
        seconds = [lengths[action] for action in self.actions]
        begins, follows = self._begins(seconds), self._follows(seconds)
        of_devices = (
            min(begins[place] for place in own)
            + sum(seconds[place] for place in own)
            + min(follows[place] for place in own)
            for own in self.devices
        )
        return max(*(begin + each_s for begin, each_s in zip(begins, seconds, strict=True)), *of_devices)

    def _begins(self, seconds: Sequence[float]) -> list[float]:
        """When each action could begin at the earliest if it had a device of its own."""
        begins = [0.0] * len(seconds)
        for place in self.order:
            begins[place] = max((begins[each] + seconds[each] for each in self.inputs[place]), default=0.0)
        return begins

    def _follows(self, seconds: Sequence[float]) -> list[float]:
        """The least time from the end of each action to the end of the step, by the actions that need it."""
        follows = [0.0] * len(seconds)
        for place in reversed(self.order):
            behind_s = seconds[place] + follows[place]
            for each in self.inputs[place]:
                if behind_s > follows[each]:  # noqa: PLR1730 - half as long again with max
                    follows[each] = behind_s
        return follows


def _inputs(graph: Graph, actions: Sequence[Action]) -> _Places:
    """The places of the actions that each action needs, by the rule."""
    from pipebench.plan.flat import Flat  # noqa: PLC0415 - numpy
    from pipebench.plan.numbers import Numbers, columns_of  # noqa: PLC0415

    numbering = Numbers(graph)
    place = Flat(numbering, [len(actions)], list(actions), columns_of(actions)).place
    consumers, producers = (place[numbers].tolist() for numbers in numbering.inputs)
    found: _Places = [[] for _ in actions]
    for consumer, producer in zip(consumers, producers, strict=True):
        if consumer != producer:  # not both in one cell
            found[consumer].append(producer)
    return found


def _in_order(inputs: _Places) -> list[int]:
    """All places in an order in which each comes after its inputs; the given order, if it is one."""
    if all(each < place for place, needed in enumerate(inputs) for each in needed):
        return list(range(len(inputs)))
    needed_by: _Places = [[] for _ in inputs]
    missing = [len(needed) for needed in inputs]
    for place, needed in enumerate(inputs):
        for each in needed:
            needed_by[each].append(place)
    order = [place for place, count in enumerate(missing) if not count]
    for place in order:  # the list grows in this loop
        for waiting in needed_by[place]:
            missing[waiting] -= 1
            if not missing[waiting]:
                order.append(waiting)
    return order
