"""Find the message that each send or receive belongs to, in arrays.

Each end of a message has a key, made of all fields of ``transfers.Message.send`` or ``.receive``, with the other stage
always named. The keys are sorted, so that an action of a program can be looked up by its key. Importing this module
imports numpy.
"""

import numpy as np

from pipebench.plan.actions import Operation, next_stage
from pipebench.plan.numbers import NONE, Columns, Flags, Numbers, Whole
from pipebench.plan.transfers import RECEIVE, SEND

_EVERY = tuple(Operation)
_FROM = np.array([next_stage(operation) or 0 for operation in _EVERY], np.int64)


class Ends:
    """Both ends of all messages of a graph.

    Args:
        numbers: the numbering of the graph.
    """

    def __init__(self, numbers: Numbers) -> None:
        self.shape = len(_EVERY), *numbers.shape[1:], numbers.graph.stages
        messages = numbers.messages
        producers, consumers = numbers.columns(messages.producer), numbers.columns(messages.consumer)
        sends = producers._replace(operation=_of(SEND)[producers.operation], peer=consumers.stage)
        receives = consumers._replace(operation=_of(RECEIVE)[producers.operation], peer=producers.stage)
        keys = np.concatenate([self._keys(sends), self._keys(receives)])
        order = np.argsort(keys)
        self.keys, self.messages = keys[order], order % max(len(messages.consumer), 1)

    def message(self, columns: Columns) -> Whole:
        """For each action the place of its message in ``Numbers.messages``, or ``NONE`` if it is no end of one."""
        known = self._inside(columns)
        named = np.where(columns.peer == NONE, columns.stage + _FROM[columns.operation], columns.peer)
        known &= (named >= 0) & (named < self.shape[-1])
        keys = self._keys(columns.where(known)._replace(peer=named[known]))
        at = np.minimum(np.searchsorted(self.keys, keys), max(len(self.keys) - 1, 0))
        found = np.full(len(known), NONE)
        if len(self.keys):
            found[known] = np.where(self.keys[at] == keys, self.messages[at], NONE)
        return found

    def _inside(self, columns: Columns) -> Flags:
        """Whether an action's fields are within the graph, and it names the other stage if and only if it must."""
        known = np.ones(len(columns.stage), bool)
        for column, size in zip(columns[1:4], self.shape[1:4], strict=True):
            known &= (column >= 0) & (column < size)
        step = _FROM[columns.operation]
        in_a_chain = (step != 0) & (columns.peer == columns.stage + step)
        known &= ~in_a_chain & ((columns.peer != NONE) | (step != 0))
        return known

    def _keys(self, columns: Columns) -> Whole:
        return np.ravel_multi_index(tuple(columns), self.shape)


def _of(ends: dict[Operation, Operation]) -> Whole:
    """A table from each producer's operation to the operation of the message's end."""
    return np.array([_EVERY.index(ends.get(operation, operation)) for operation in _EVERY], np.int64)
