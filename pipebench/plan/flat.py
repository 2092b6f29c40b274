"""All programs of a plan behind each other, in arrays.

    device 0: 0F0 0SEND_F0 0RECV_B0 0B0     places 0 to 3
    device 1: 1RECV_F0 1F0 1B0 1SEND_B0     places 4 to 7

Whoever imports this module has numpy.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np

from pipebench.plan.actions import COMPUTE, Action, Operation
from pipebench.plan.numbers import NONE, Columns, Flags, Numbers, Whole, are, columns_of
from pipebench.plan.plan import Plan

_NOBODY = Action(Operation.FORWARD, -1, -1)


@dataclass(frozen=True)
class Flat:
    """The programs of a plan in a row.

    Args:
        numbering: of its graph.
        lengths: of the programs.
        actions: of all of them.
        columns: the same as arrays.
    """

    numbering: Numbers
    lengths: list[int]
    actions: list[Action]
    columns: Columns

    @cached_property
    def device(self) -> Whole:
        """Of each place."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    @cached_property
    def computes(self) -> Flags:
        """Of each place, whether it is a compute action."""
        return are(self.columns, COMPUTE)

    @cached_property
    def numbers(self) -> Whole:
        """Of each place the action's number, ``NONE`` for transfers and for what the graph does not have."""
        if self.computes.all():
            return self.numbering.of(self.columns)
        found = np.full(len(self.actions), NONE)
        found[self.computes] = self.numbering.of(self.columns.where(self.computes))
        return found

    @cached_property
    def place(self) -> Whole:
        """Of each number, behind all places where the plan does not have it."""
        found = np.full(self.numbering.total, len(self.actions))
        ours = np.flatnonzero(self.numbers != NONE)
        found[self.numbers[ours]] = ours
        return found

    def actions_of(self, numbers: Whole) -> list[Action]:
        """The actions of these numbers, the plan's own where it has them."""
        places = self.place[numbers]
        missing = np.flatnonzero(places == len(self.actions))
        found = list(map([*self.actions, _NOBODY].__getitem__, places.tolist()))
        for place, action in zip(missing.tolist(), self.numbering.actions(numbers[missing]), strict=True):
            found[place] = action
        return found


def flat_of(plan: Plan) -> Flat:
    """The programs of a plan in a row."""
    actions = list(chain.from_iterable(plan.programs))
    return Flat(Numbers(plan.graph), [*map(len, plan.programs)], actions, columns_of(actions))
