"""All programs of a plan, one behind the other, in arrays.

    device 0: 0F0 0SEND_F0 0RECV_B0 0B0     places 0 to 3
    device 1: 1RECV_F0 1F0 1B0 1SEND_B0     places 4 to 7

A cell has one place. Its first unit leads it: the cell goes by the number of that unit.

Importing this module imports numpy.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np

from pipebench.plan.actions import COMPUTE, Action, Operation
from pipebench.plan.cells import is_unit, units_of
from pipebench.plan.numbers import NONE, Columns, Flags, Numbers, Whole, are, columns_of
from pipebench.plan.plan import Plan

_NOBODY = Action(Operation.FORWARD, -1, -1)


@dataclass(frozen=True)
class Flat:
    """The programs of a plan in a row.

    Args:
        numbering: the numbering of the plan's graph.
        lengths: the number of actions of each program.
        actions: the actions of all programs.
        columns: the same actions as arrays.
    """

    numbering: Numbers
    lengths: list[int]
    actions: list[Action]
    columns: Columns

    @cached_property
    def device(self) -> Whole:
        """The device of each place."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    @cached_property
    def computes(self) -> Flags:
        """For each place, whether it has a compute action."""
        return are(self.columns, COMPUTE)

    @cached_property
    def numbers(self) -> Whole:
        """For each place its action's number, or ``NONE`` for transfers and actions that the graph does not have."""
        if self.computes.all() and not self.cells:
            return self.numbering.of(self.columns)
        found = np.full(len(self.actions), NONE)
        found[self.computes] = self.numbering.of(self.columns.where(self.computes))
        for place, units in self.cells.items():
            found[place] = units[0] if len(units) else NONE
        return found

    @cached_property
    def cells(self) -> dict[int, Whole]:
        """The places of cells, with the numbers of their units."""
        graph, actions = self.numbering.graph, self.actions
        with_b = graph.split_backward and any(a.operation is Operation.BACKWARD for a in actions)
        if not with_b and all(a[5] == 1 == a[6] for a in actions):  # true for most plans, which can be long
            return {}
        places = [place for place, action in enumerate(actions) if not is_unit(graph, action)]
        return {place: self.numbering.of(columns_of(units_of(graph, actions[place]))) for place in places}

    @cached_property
    def units(self) -> tuple[Whole, Whole]:
        """For each unit the place of its action, and its number."""
        each = np.zeros(len(self.actions), np.int64)
        each[self.computes] = 1
        for place, units in self.cells.items():
            each[place] = len(units)
        places = np.repeat(np.arange(len(self.actions)), each)
        numbers = self.numbers[places]
        for place, units in self.cells.items():
            numbers[places == place] = units
        return places, numbers

    @cached_property
    def lead(self) -> Whole:
        """For each number the number of the first unit in its cell."""
        found = np.arange(self.numbering.total)
        for units in self.cells.values():
            found[units[units != NONE]] = units[0]
        return found

    @cached_property
    def place(self) -> Whole:
        """The place of each number; behind all places if the plan does not have it."""
        found = np.full(self.numbering.total, len(self.actions))
        ours = np.flatnonzero(self.numbers != NONE)
        found[self.numbers[ours]] = ours
        return found[self.lead] if self.cells else found

    @cached_property
    def turn(self) -> Whole:
        """For each number how many units of the plan stand before it; all of them if the plan does not have it."""
        if not self.cells:
            return self.place
        _, numbers = self.units
        found = np.full(self.numbering.total, len(numbers))
        ours = np.flatnonzero(numbers != NONE)
        found[numbers[ours]] = ours
        return found

    def actions_of(self, numbers: Whole) -> list[Action]:
        """The actions of these numbers: the plan's own objects, or new ones for units inside cells."""
        places = self.place[numbers]
        for place in self.cells:
            places[places == place] = len(self.actions)
        missing = np.flatnonzero(places == len(self.actions))
        found = list(map([*self.actions, _NOBODY].__getitem__, places.tolist()))
        for place, action in zip(missing.tolist(), self.numbering.actions(numbers[missing]), strict=True):
            found[place] = action
        return found


def flat_of(plan: Plan) -> Flat:
    """The programs of a plan in a row."""
    actions = list(chain.from_iterable(plan.programs))
    return Flat(Numbers(plan.graph), [*map(len, plan.programs)], actions, columns_of(actions))
