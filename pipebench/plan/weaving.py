"""The transfer pass in arrays: where each send and each receive goes.

Between two devices messages are received in the order in which they are sent. So a receive stands before the first
action that needs its message, or any message that is sent after it from the same device to the same one. With the
messages in the order of their sends, that is the least of the places from each one to the last:

    sent             m0  m1  m2  m3
    needed at         5   9   3   8
    received before   3   3   3   8

Importing this module imports numpy.
"""

from itertools import accumulate, pairwise

import numpy as np

from pipebench.plan.actions import Action
from pipebench.plan.flat import Flat, flat_of
from pipebench.plan.numbers import Whole
from pipebench.plan.plan import Plan
from pipebench.plan.transfers import receive_of, send_of


def woven(plan: Plan) -> Plan:
    """The plan with its transfers."""
    flat = flat_of(plan)
    received, before = _receives(flat)
    sent, after = _sends(flat)
    actions = [*_ends(flat, received, sends=False), *flat.actions, *_ends(flat, sent, sends=True)]
    places = np.concatenate([before, np.arange(len(flat.actions)), after])
    kinds = np.repeat([0, 1, 2], [len(before), len(flat.actions), len(after)])
    order = np.argsort(3 * places + kinds, kind="stable")
    in_turn = list(map(actions.__getitem__, order.tolist()))
    lengths = np.bincount(flat.device[places], minlength=len(flat.lengths))
    bounds = pairwise(accumulate(lengths.tolist(), initial=0))
    return Plan(plan.graph, tuple(tuple(in_turn[begin:end]) for begin, end in bounds))


def _ends(flat: Flat, messages: Whole, *, sends: bool) -> list[Action]:
    """The sends of these messages, or their receives."""
    consumers, producers = (flat.actions_of(numbers[messages]) for numbers in flat.numbering.messages)
    if sends:
        return [
            send_of(producer, consumer.stage) for producer, consumer in zip(producers, consumers, strict=True)
        ]
    return [receive_of(producer, consumer) for producer, consumer in zip(producers, consumers, strict=True)]


def _sends(flat: Flat) -> tuple[Whole, Whole]:
    """The messages in the order in which they are sent, and the place of the action that each send follows."""
    producer = flat.numbering.messages.producer
    places, order = flat.place[producer], np.argsort(flat.turn[producer], kind="stable")
    order = order[places[order] < len(flat.actions)]
    return order, places[order]


def _receives(flat: Flat) -> tuple[Whole, Whole]:
    """The messages in the order in which they are received, and the place of the action after each receive."""
    of, (consumer, producer) = flat.numbering.devices, flat.numbering.messages
    _, pair = np.unique(of[producer] * flat.numbering.graph.devices + of[consumer], return_inverse=True)
    sent = np.lexsort((flat.turn[producer], pair))
    turn = np.arange(len(consumer)) - np.searchsorted(consumer, consumer)  # among the consumer's inputs
    width = int(turn.max(initial=0)) + 1
    never = (len(flat.actions) + 1) * width
    needed = (flat.place[consumer] * width + turn + pair * never)[sent]  # grows from pair to pair
    earliest = np.minimum.accumulate(needed[::-1])[::-1] % never
    exists = (flat.place[producer[sent]] < len(flat.actions)) & (earliest < len(flat.actions) * width)
    order = np.argsort(earliest[exists], kind="stable")
    return sent[exists][order], earliest[exists][order] // width
