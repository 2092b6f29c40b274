"""Who may send when, on paper: the ports of the simulator.

A message takes its sender's egress and its receiver's ingress port, and waits until both are free. Of those that could
go when a port comes free, the one that was posted first does.
"""

from collections import deque
from collections.abc import Iterator
from itertools import count
from operator import itemgetter

_Queue = deque[tuple[int, int]]  # when each message was posted, counted, and which it is


class PaperPorts:
    """The ports of all devices.

    Args:
        senders: the device that sends each message.
        receivers: the one that each goes to.
        devices: how many there are.
    """

    def __init__(self, senders: list[int], receivers: list[int], devices: int) -> None:
        self.senders, self.receivers = senders, receivers
        self._posted = count()
        self._egress, self._ingress = [False] * devices, [False] * devices
        self._leaving: list[dict[int, _Queue]] = [{} for _ in range(devices)]
        self._coming: list[dict[int, _Queue]] = [{} for _ in range(devices)]

    def post(self, message: int) -> bool:
        """Whether the message goes at once; else it waits."""
        sender, receiver = self.senders[message], self.receivers[message]
        if self._egress[sender] or self._ingress[receiver]:
            queue = self._leaving[sender].setdefault(receiver, deque())
            self._coming[receiver][sender] = queue
            queue.append((next(self._posted), message))
            return False
        self._egress[sender] = self._ingress[receiver] = True
        return True

    def over(self, message: int) -> Iterator[int]:
        """The messages that go now, since this one has arrived."""
        sender, receiver = self.senders[message], self.receivers[message]
        self._egress[sender] = self._ingress[receiver] = False
        if self._leaving[sender] or self._coming[receiver]:
            while (queue := self._next(sender, receiver)) is not None:
                yield self._first(queue)

    def _next(self, sender: int, receiver: int) -> _Queue | None:
        """Of the queues at two ports the one whose first message was posted first, of those that can go."""
        able = []
        if not self._egress[sender]:
            able += [queue for other, queue in self._leaving[sender].items() if not self._ingress[other]]
        if not self._ingress[receiver]:
            able += [queue for other, queue in self._coming[receiver].items() if not self._egress[other]]
        return min(able, key=itemgetter(0), default=None)

    def _first(self, queue: _Queue) -> int:
        """The first message of a queue, with its ports."""
        _, message = queue.popleft()
        sender, receiver = self.senders[message], self.receivers[message]
        if not queue:
            del self._leaving[sender][receiver], self._coming[receiver][sender]
        self._egress[sender] = self._ingress[receiver] = True
        return message
