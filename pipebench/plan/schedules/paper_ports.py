"""Which message goes when, on paper: ports like the simulator's.

A message takes its sender's egress port and its receiver's ingress port, and waits until both are free. When a port
becomes free, the message that was posted first goes, of those that can.
"""

from collections import deque
from collections.abc import Iterator
from itertools import count
from operator import itemgetter

_Queue = deque[tuple[int, int]]  # messages, each behind a count that says when it was posted


class PaperPorts:
    """The ports of all devices.

    Args:
        senders: the device that sends each message.
        receivers: the device that receives each message.
        devices: the number of devices.
    """

    def __init__(self, senders: list[int], receivers: list[int], devices: int) -> None:
        self.senders, self.receivers = senders, receivers
        self._posted = count()
        self._egress, self._ingress = [False] * devices, [False] * devices
        self._leaving: list[dict[int, _Queue]] = [{} for _ in range(devices)]
        self._coming: list[dict[int, _Queue]] = [{} for _ in range(devices)]

    def post(self, message: int) -> bool:
        """Post a message; whether it goes at once. If not, it waits."""
        sender, receiver = self.senders[message], self.receivers[message]
        if self._egress[sender] or self._ingress[receiver]:
            queue = self._leaving[sender].setdefault(receiver, deque())
            self._coming[receiver][sender] = queue
            queue.append((next(self._posted), message))
            return False
        self._egress[sender] = self._ingress[receiver] = True
        return True

    def over(self, message: int) -> Iterator[int]:
        """Free the ports of a message that has arrived, and give the messages that go now."""
        sender, receiver = self.senders[message], self.receivers[message]
        self._egress[sender] = self._ingress[receiver] = False
        if self._leaving[sender] or self._coming[receiver]:
            while (queue := self._next(sender, receiver)) is not None:
                yield self._first(queue)

    def _next(self, sender: int, receiver: int) -> _Queue | None:
        """The queue at these two ports whose first message goes next: it can go, and was posted first."""
        able = []
        if not self._egress[sender]:
            able += [queue for other, queue in self._leaving[sender].items() if not self._ingress[other]]
        if not self._ingress[receiver]:
            able += [queue for other, queue in self._coming[receiver].items() if not self._egress[other]]
        return min(able, key=itemgetter(0), default=None)

    def _first(self, queue: _Queue) -> int:
        """Take the first message of a queue; it now has its ports."""
        _, message = queue.popleft()
        sender, receiver = self.senders[message], self.receivers[message]
        if not queue:
            del self._leaving[sender][receiver], self._coming[receiver][sender]
        self._egress[sender] = self._ingress[receiver] = True
        return message
