"""The engine for messages that nobody waits behind: a longest path over program order and dependence.

An action starts when the one before it on its device is over and its inputs are there, and nothing else matters. So
each device runs as far as it can; where an input's producer has not run yet, the device is noted there, and goes on
when it has. An input on the same device needs no look: it stands before in the program, or the plan is wrong.

Whoever imports this module has numpy.
"""

from collections import defaultdict

import numpy as np

from pipebench.timing.outcome import Outcome, Work
from pipebench.timing.slots import Slots, all_of, ranges

_SEVERAL, _NOTHING = -1, -2  # what a slot waits for, where that is not one message


def none_is_sent_twice(slots: Slots) -> bool:
    """Whether this engine can run the plan."""
    return bool(np.bincount(slots.posted, minlength=1).max() <= 1)


def longest_path(slots: Slots, work: Work, seconds: list[float]) -> Outcome:
    """When everything happens at the earliest.

    Args:
        slots: no message of which is sent twice.
        work: of the slots.
        seconds: of each post.
    """
    path = _Path(slots, work, seconds)
    path.run()
    return path.outcome()


class _Path:
    """One run: how far each device is, and who is noted where."""

    def __init__(self, slots: Slots, work: Work, seconds: list[float]) -> None:
        self.slots, self.work, self.seconds = slots, work, seconds
        never = len(slots.actions)  # the slot that sends what nobody sends
        messages = len(slots.numbering.messages.consumer)
        post = np.full(messages + 1, len(slots.posted))
        post[slots.posted] = np.arange(len(slots.posted))
        source = np.append(slots.posting, never)[post]
        begin, end = slots.awaited
        waited_for = np.append(slots.waited_for, messages)  # the last one stands for none
        post, source = post[waited_for], source[waited_for]
        several = np.where(end == begin, _NOTHING, _SEVERAL)
        self.only: list[int] = np.where(end - begin == 1, source[begin], several).tolist()
        self.takes = list(map([*seconds, 0.0].__getitem__, post[begin].tolist()))  # the one message
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
        """Run each device as far as it can; those that waited for it are ready then."""
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
        """When the messages to a slot are there, from ``now`` on, and whom it waits for if not all of them are sent."""
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
        """In the order of time; what happens at once stands in an order in which it can."""
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
