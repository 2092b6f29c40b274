"""What each message of a plan takes: its seconds, whether it holds ports, and its overhead on the two devices.

Importing this module imports numpy.
"""

from collections.abc import Callable
from math import inf
from typing import NamedTuple

import numpy as np

from pipebench.plan.numbers import Whole
from pipebench.plan.transfers import Message
from pipebench.timing.links import Link, Topology
from pipebench.timing.slots import Slots


class Ways(NamedTuple):
    """What the posts of a plan take.

    Args:
        seconds: how long each message is on its way.
        ports: whether each message holds its sender's egress port and its receiver's ingress port meanwhile.
        overhead_s: device time of each slot, for all messages that its action sends and receives.
    """

    seconds: list[float]
    ports: list[bool]
    overhead_s: list[float]

    @property
    def nobody_waits(self) -> bool:
        """Whether no message can hold up another one: there are no ports, or nothing takes any time."""
        return not any(self.ports) or not any(self.seconds)


def as_said(slots: Slots, transfer_s: Callable[[Message], float]) -> Ways:
    """The ways of messages that take the time that ``transfer_s`` gives, and hold no port."""
    posts = len(slots.posted)
    return Ways(list(map(transfer_s, slots.messages)), [False] * posts, [0.0] * len(slots.actions))


def through(slots: Slots, link: Link | Topology, message_bytes: Callable[[Message], float] | None) -> Ways:
    """The ways of messages through the links between their devices; without ``message_bytes`` their size is 0."""
    pairs, which = _pairs(slots)
    links = [link.between(*pair) for pair in pairs]
    posts = which[slots.posted].tolist()
    if message_bytes is None or all(each.bytes_per_s == inf for each in links):
        each_s = [each.transfer_s(0) for each in links]
        seconds = [each_s[place] for place in posts]
    else:
        sizes = list(zip(posts, map(message_bytes, slots.messages), strict=True))
        taken = {each: links[each[0]].transfer_s(each[1]) for each in set(sizes)}  # sizes are few
        seconds = [taken[each] for each in sizes]
    ports = [each.ports for each in links]
    overhead_s = np.array([each.overhead_s for each in links])[which]
    return Ways(seconds, [ports[place] for place in posts], _of_slots(slots, overhead_s))


def _pairs(slots: Slots) -> tuple[list[tuple[int, int]], Whole]:
    """The pairs of devices that have messages, and for each message of the graph the place of its pair."""
    consumer, producer = slots.numbering.messages
    of = slots.numbering.devices
    keys = of[producer] * len(of) + of[consumer]
    runs = np.flatnonzero(np.diff(keys, prepend=-1))  # stretches with one pair each: far fewer than messages
    pairs, which = np.unique(keys[runs], return_inverse=True)
    lengths = np.diff(runs, append=len(keys))
    return [divmod(pair, len(of)) for pair in pairs.tolist()], np.repeat(which, lengths)


def _of_slots(slots: Slots, overhead_s: np.ndarray) -> list[float]:
    """The overhead of all messages that each slot's action takes and gives, added up in their order."""
    total = np.zeros(slots.numbering.total + 1)  # the last entry is for actions that the graph does not have
    if overhead_s.any():
        consumer, producer = slots.numbering.messages
        lead = slots.flat.lead
        both = np.stack((lead[consumer], lead[producer]), axis=1).ravel()
        np.add.at(total, both, np.repeat(overhead_s, 2))
    found: list[float] = total[slots.numbers].tolist()
    return found
