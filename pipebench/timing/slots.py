"""A plan as the simulator runs it, in whole numbers.

A slot is a place in a device's program that takes time: first the device's start (the work before its first action),
then each of its compute actions. The slots of a device are in a row, one device behind the other:

    device 0: 0F0 0SEND_F0 0B0    slots  0 (start)  1 (0F0)  2 (0B0)     1 posts the message to 1F0
    device 1: 1RECV_F0 1F0 1B0    slots  3 (start)  4 (1F0)  5 (1B0)

A slot posts the messages whose sends come right behind it. Such a send is called a post. Receives are posted ahead and
take no time, so they are left out. Importing this module imports numpy.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np

from pipebench.plan.actions import COMPUTE, SENDS, Action
from pipebench.plan.check import no_use_for
from pipebench.plan.ends import Ends
from pipebench.plan.flat import Flat, flat_of
from pipebench.plan.numbers import NONE, Flags, Numbers, Whole, are, rows
from pipebench.plan.plan import Plan
from pipebench.plan.transfers import Message


@dataclass(frozen=True)
class Slots:
    """All slots of a plan.

    Args:
        flat: the plan, with or without its transfers; without them each result leaves when it is there.
        first: the first slot of each device, then the number of slots.
        actions: the action of each slot, ``None`` for the starts.
        numbers: the number of each slot's action, ``NONE`` for starts and for actions that the graph does not have; a
            cell has the number of the unit that leads it.
        posting: the slot of each post, lowest first.
        posted: the message of each post, as its place in ``Numbers.messages``.
    """

    flat: Flat
    first: list[int]
    actions: list[Action | None]
    numbers: Whole
    posting: Whole
    posted: Whole

    @property
    def numbering(self) -> Numbers:
        """The numbering of the plan's graph."""
        return self.flat.numbering

    @property
    def devices(self) -> int:
        """How many devices have a program."""
        return len(self.flat.lengths)

    @cached_property
    def device(self) -> Whole:
        """The device of each slot."""
        return np.repeat(np.arange(self.devices), np.diff(self.first))

    @cached_property
    def act(self) -> Flags:
        """For each slot, whether it is an action."""
        found = np.ones(len(self.actions), bool)
        found[self.first[:-1]] = False
        return found

    @cached_property
    def consumers(self) -> Whole:
        """For each message the number of the action that waits for it; for a cell, of the unit that leads it."""
        consumer = self.numbering.messages.consumer
        return self.flat.lead[consumer] if self.flat.cells else consumer

    @cached_property
    def waited_for(self) -> Whole:
        """The messages in the order of the actions that wait for them."""
        if not self.flat.cells:
            return np.arange(len(self.consumers))
        return np.argsort(self.consumers, kind="stable")

    @cached_property
    def awaited(self) -> tuple[Whole, Whole]:
        """For each slot the places in ``waited_for`` of its first message, and behind its last one."""
        return ranges(self.consumers, self.numbers, self.numbering.total)

    @cached_property
    def messages(self) -> list[Message]:
        """The message of each post; its actions are the plan's own objects if the plan has them."""
        return self.messages_at(self.posted)

    def messages_at(self, places: Whole | list[int]) -> list[Message]:
        """The messages at these places in ``Numbers.messages``."""
        consumer, producer = (column[places] for column in self.numbering.messages)
        of = self.numbering.devices
        ends = (self.flat.actions_of(numbers) for numbers in (producer, consumer))
        return list(rows(Message, *ends, of[producer].tolist(), of[consumer].tolist()))


def slots_of(plan: Plan) -> Slots:
    """The slots of a plan.

    Raises:
        PlanError: The plan has a send that no action needs.
    """
    flat = flat_of(plan)
    slot = np.cumsum(flat.computes) + flat.device  # of an action; a transfer has the slot before it
    alone = bool(flat.computes.all())
    actions: list[Action | None] = []
    for program in plan.programs:
        actions += None, *(program if alone else (a for a in program if a.operation in COMPUTE))
    numbers = np.full(len(actions), NONE)
    numbers[slot[flat.computes]] = flat.numbers[flat.computes]
    each = np.bincount(flat.device[flat.computes], minlength=len(plan.programs)) + 1
    first = [0, *accumulate(each.tolist())]
    if alone:
        return Slots(flat, first, actions, numbers, *_of_results(flat, numbers))
    sends = are(flat.columns, SENDS)
    return Slots(flat, first, actions, numbers, slot[sends], _of_sends(flat, sends))


def _of_results(flat: Flat, numbers: Whole) -> tuple[Whole, Whole]:
    """Slots and messages of all posts, if each result leaves when it is there, to one consumer after the other."""
    producer = flat.numbering.messages.producer
    order = np.argsort(producer, kind="stable")
    if flat.cells:
        order = np.lexsort((flat.turn[producer], flat.lead[producer]))
        producer = flat.lead[producer]
    begin, end = ranges(producer, numbers, flat.numbering.total)
    return np.repeat(np.arange(len(numbers)), end - begin), order[all_of(begin, end)]


def _of_sends(flat: Flat, sends: Flags) -> Whole:
    """The messages of a plan's sends."""
    posted = Ends(flat.numbering).message(flat.columns.where(sends))
    if (posted == NONE).any():
        place = int(np.flatnonzero(sends)[np.argmax(posted == NONE)])
        raise no_use_for(flat.numbering.graph, int(flat.device[place]), flat.actions[place])
    return posted


def ranges(keys: Whole, numbers: Whole, total: int) -> tuple[Whole, Whole]:
    """For each number where it is among the sorted keys: its first place, and the place behind its last one."""
    behind = np.cumsum(np.bincount(keys, minlength=total + 1))
    where = np.where(numbers == NONE, total, numbers)
    return behind[where - 1] * (where > 0), behind[where]


def all_of(begin: Whole, end: Whole) -> Whole:
    """``begin[0]``, ..., ``end[0] - 1``, ``begin[1]``, ..."""
    each = end - begin
    return np.repeat(begin - (np.cumsum(each) - each), each) + np.arange(each.sum())
