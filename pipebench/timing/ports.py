"""The engine for messages that wait for ports: events in the order of time.

A message takes its sender's egress port and its receiver's ingress port, and waits until both are free. When a port
becomes free, the message that was posted first goes, of those that can. Events at the same time happen in the order in
which they were added, so every run gives the same result.

    events     times in a heap, and for each time its events in the order in which they were added
    queues     one for each pair of devices whose messages wait, known at both ports

Only the first message of a queue can go. So a port that becomes free looks at each of its queues, but not into them.
Messages without ports are on their way at once, and hold up no other message.

Importing this module imports numpy.
"""

import heapq
from collections import deque
from itertools import count
from operator import itemgetter
from typing import Any

import numpy as np

from pipebench.timing.outcome import Outcome, Work
from pipebench.timing.slots import Slots, ranges
from pipebench.timing.ways import Ways

_Queue = deque[tuple[int, int]]  # posts, each behind a count that says when it was posted


def through_ports(slots: Slots, work: Work, ways: Ways) -> Outcome:
    """Run a plan; when everything happens.

    Args:
        slots: the slots of the plan.
        work: the seconds of the slots.
        ways: the seconds and ports of the messages.
    """
    run = _Events(slots, work, ways)
    run.run()
    return run.outcome()


class _Events:
    """One run. An event is a number: a device whose slot is over, or ``devices`` + a post that arrives."""

    def __init__(self, slots: Slots, work: Work, ways: Ways) -> None:
        self.first = slots.first
        self.gaps, self.seconds, self.overhead = work.gaps, work.seconds, work.overhead
        messages = slots.numbering.messages
        of, posted = slots.numbering.devices, slots.posted
        self.sender: list[int] = of[messages.producer][posted].tolist()
        self.receiver: list[int] = of[messages.consumer][posted].tolist()
        self.consumer: list[int] = slots.consumers[posted].tolist()
        self.message: list[int] = posted.tolist()
        self.takes, self.ports = ways.seconds, ways.ports
        every = np.arange(len(slots.actions) + 1)
        self.posts: list[int] = ranges(slots.posting, every, len(slots.actions))[0].tolist()
        self.numbers: list[int] = slots.numbers.tolist()
        # by number; the last entry is for actions that the graph does not have
        self.missing: list[int] = np.bincount(slots.consumers, minlength=slots.numbering.total + 1).tolist()
        self.arrived = [False] * len(messages.consumer)  # a message that is sent twice counts once
        self.at = slots.first[:-1]
        self.idle = [False] * slots.devices
        self.times: list[float] = []
        self.due: dict[float, list[int]] = {}
        self.posted = count()
        self.egress, self.ingress = [False] * slots.devices, [False] * slots.devices
        self.leaving: list[dict[int, _Queue]] = [{} for _ in range(slots.devices)]
        self.coming: list[dict[int, _Queue]] = [{} for _ in range(slots.devices)]
        self.starts = [0.0] * len(slots.actions)
        self.ends: list[float | None] = [None] * len(slots.actions)
        self.started: list[int] = []
        self.sent: list[int] = []
        self.sent_at: list[Any] = [None] * len(posted)
        self.finished: list[int] = []

    def run(self) -> None:
        """Handle one event after the other. Smaller functions would make this loop take half as long again."""
        at, first, numbers, missing, idle = self.at, self.first, self.numbers, self.missing, self.idle
        starts, ends, started = self.starts, self.ends, self.started
        gaps, seconds, overhead = self.gaps, self.seconds, self.overhead
        times, due, devices = self.times, self.due, len(self.at)
        self._begin()
        while times:
            now = heapq.heappop(times)
            for event in due[now]:  # work that takes no time adds events
                device = self._over(event, now) if event < devices else self._arrive(event - devices, now)
                slot = at[device]
                if not idle[device] or slot == first[device + 1] or missing[numbers[slot]]:
                    continue
                idle[device] = False
                started.append(slot)
                starts[slot] = start = now + gaps[slot]
                ends[slot] = end = start + seconds[slot] + overhead[slot]
                if end in due:
                    due[end].append(device)
                else:
                    due[end] = [device]
                    heapq.heappush(times, end)
            del due[now]

    def _at(self, time: float, event: int) -> None:
        if time in self.due:
            self.due[time].append(event)
        else:
            self.due[time] = [event]
            heapq.heappush(self.times, time)

    # devices

    def _begin(self) -> None:
        """Start the work of all devices before their first action."""
        for device, slot in enumerate(self.first[:-1]):
            self.ends[slot] = self.seconds[slot]
            self._at(self.seconds[slot], device)

    def _over(self, device: int, now: float) -> int:
        """Handle the end of a device's current slot, and post its messages; the device."""
        slot = self.at[device]
        self.at[device] = slot + 1
        self.idle[device] = True
        if slot + 1 == self.first[device + 1]:
            self.finished.append(device)
        for post in range(self.posts[slot], self.posts[slot + 1]):
            sender, receiver = self.sender[post], self.receiver[post]
            if self.ports[post] and (self.egress[sender] or self.ingress[receiver]):
                self._wait(post)
            else:
                self._send(post, now)
        return device

    # messages

    def _wait(self, post: int) -> None:
        sender, receiver = self.sender[post], self.receiver[post]
        queue = self.leaving[sender].setdefault(receiver, deque())
        self.coming[receiver][sender] = queue
        queue.append((next(self.posted), post))

    def _send(self, post: int, now: float) -> None:
        if self.ports[post]:
            self.egress[self.sender[post]] = self.ingress[self.receiver[post]] = True
        self.sent.append(post)
        self.sent_at[post] = now
        end, due = now + self.takes[post], self.due
        if end in due:
            due[end].append(len(self.at) + post)
        else:
            due[end] = [len(self.at) + post]
            heapq.heappush(self.times, end)

    def _arrive(self, post: int, now: float) -> int:
        """Handle the arrival of a message, which frees its ports; the receiver, which may go on."""
        sender, receiver, message = self.sender[post], self.receiver[post], self.message[post]
        if not self.arrived[message]:
            self.arrived[message] = True
            self.missing[self.consumer[post]] -= 1
        if self.ports[post]:
            self.egress[sender] = self.ingress[receiver] = False
            if self.leaving[sender] or self.coming[receiver]:
                self._send_waiting(sender, receiver, now)
        return receiver

    def _send_waiting(self, sender: int, receiver: int, now: float) -> None:
        """Send the messages that waited for these two ports and can go now."""
        while (queue := self._next(sender, receiver)) is not None:
            self._send_first(queue, now)

    def _next(self, sender: int, receiver: int) -> _Queue | None:
        """The queue at these two ports whose first message goes next: it can go, and was posted first."""
        able = []
        if not self.egress[sender]:
            able += [queue for other, queue in self.leaving[sender].items() if not self.ingress[other]]
        if not self.ingress[receiver]:
            able += [queue for other, queue in self.coming[receiver].items() if not self.egress[other]]
        return min(able, key=itemgetter(0), default=None)

    def _send_first(self, queue: _Queue, now: float) -> None:
        _, post = queue.popleft()
        if not queue:
            sender, receiver = self.sender[post], self.receiver[post]
            del self.leaving[sender][receiver], self.coming[receiver][sender]
        self._send(post, now)

    def outcome(self) -> Outcome:
        starts, started = np.array(self.starts), np.array(self.started, np.int64)
        return Outcome(
            started[np.argsort(starts[started], kind="stable")],  # a gap may put a start later than others
            self.starts,
            self.ends,
            np.array(self.sent, np.int64),
            self.sent_at,
            self.finished,
        )
