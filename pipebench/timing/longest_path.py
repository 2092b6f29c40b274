"""The engine for messages that never wait for each other: a longest path over program order and dependence.

An action starts when the action before it on its device is over and its inputs are there. Nothing else matters. So
each device runs as far as it can. If the producer of an input has not run yet, the device is noted at it, and goes on
when the producer has run. Inputs on the same device are not looked at: they come earlier in the program.

Importing this module imports numpy.
"""

from collections import defaultdict

import numpy as np

from pipebench.timing.outcome import Outcome, Work
from pipebench.timing.slots import Slots, all_of, ranges

_SEVERAL, _NOTHING = -1, -2  # what a slot waits for, if that is not one message


def none_is_sent_twice(slots: Slots) -> bool:
    """Whether no message is sent twice, so that this engine can run the plan."""
    return bool(np.bincount(slots.posted, minlength=1).max() <= 1)


def longest_path(slots: Slots, work: Work, seconds: list[float]) -> Outcome:
    """Run a plan; when everything happens.

    Args:
        slots: the slots of a plan that sends no message twice.
        work: the seconds of the slots.
        seconds: the seconds of each post.
    """
    path = _Path(slots, work, seconds)
    path.run()
    return path.outcome()


class _Path:
    """One run: how far each device has come, and which devices are noted at which slots."""

    def __init__(self, slots: Slots, work: Work, seconds: list[float]) -> None:
        self.slots, self.work, self.seconds = slots, work, seconds
        never = len(slots.actions)  # stands for the slot of messages that are never sent
        messages = len(slots.numbering.messages.consumer)
        post = np.full(messages + 1, len(slots.posted))
        post[slots.posted] = np.arange(len(slots.posted))
        source = np.append(slots.posting, never)[post]
        begin, end = slots.awaited
        waited_for = np.append(slots.waited_for, messages)  # the last entry stands for no message
        post, source = post[waited_for], source[waited_for]
        several = np.where(end == begin, _NOTHING, _SEVERAL)
        self.only: list[int] = np.where(end - begin == 1, source[begin], several).tolist()
        self.takes = list(map([*seconds, 0.0].__getitem__, post[begin].tolist()))  # of the one message
        places = np.flatnonzero(end - begin > 1).tolist()
        self.several = {
            slot: list(zip(source[first:behind].tolist(), post[first:behind].tolist(), strict=True))
            for slot, first, behind in zip(places, begin[places].tolist(), end[places].tolist(), strict=True)
        }
        self.at, self.free = slots.first[:-1], [0.0] * slots.devices
        self.starts = [0.0] * never
        self.ends: list[float | None] = [None] * (never + 1)
        self.order: list[int] = []
        self.finished: list[int] = []
        self.noted: dict[int, list[int]] = defaultdict(list)  # devices that wait for a slot

    def run(self) -> None:
        """Run each device as far as it can go; then the devices that waited for it are ready."""
        only, takes, starts, ends, noted = self.only, self.takes, self.starts, self.ends, self.noted
        gaps, seconds, overhead = self.work.gaps, self.work.seconds, self.work.overhead
        ready = list(range(self.slots.devices))
        while ready:
            device = ready.pop()
            now = self.free[device]
            for slot in range(self.at[device], self.slots.first[device + 1]):
                source = only[slot]
                if source >= 0:
                    end = ends[source]
                    if end is None:
                        break
                    end += takes[slot]
                    if end > now:  # noqa: PLR1730 - half as long again with max
                        now = end
                elif source == _SEVERAL:
                    now, source = self._join(slot, now)
                    if source >= 0:
                        break
                starts[slot] = now = now + gaps[slot]
                ends[slot] = now = now + seconds[slot] + overhead[slot]
                self.order.append(slot)
                if slot in noted:
                    ready += noted.pop(slot)
            else:
                self.finished.append(device)
                continue
            self.at[device], self.free[device] = slot, now
            noted[source].append(device)

    def _join(self, slot: int, now: float) -> tuple[float, int]:
        """When the messages to a slot are there, at ``now`` or later.

        If one is not sent yet, its producer's slot is the second value; else that is ``_NOTHING``.
        """
        messages = self.several[slot]
        while messages:
            source, post = messages[-1]
            end = self.ends[source]
            if end is None:
                return now, source
            now = max(now, end + self.seconds[post])
            messages.pop()
        return now, _NOTHING

    def outcome(self) -> Outcome:
        """The outcome in the order of time; of things at the same time, inputs come before what needs them."""
        slots, order = self.slots, np.array(self.order)
        starts, ends = np.array(self.starts), np.array(self.ends[:-1], float)
        posts = all_of(*ranges(slots.posting, order, len(starts)))
        started = order[slots.act[order]]
        return Outcome(
            started[np.argsort(starts[started], kind="stable")],
            self.starts,
            self.ends[:-1],
            posts[np.argsort(ends[slots.posting[posts]], kind="stable")],
            list(map(self.ends.__getitem__, slots.posting.tolist())),
            sorted(self.finished, key=lambda device: ends[slots.first[device + 1] - 1]),
        )
