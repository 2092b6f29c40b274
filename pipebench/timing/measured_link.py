"""The link between two processes of this machine, as a ping-pong measured it: what ``--machine local`` uses.

A message between processes costs both processes CPU time; a copy engine beside a GPU would not. So a measured
link has an overhead, and the rest of its time is the way between the two.
"""

from itertools import pairwise

import msgspec

from pipebench.timing.links import Link

_BUSY = 1.0  # load average of the minute before: processes that ran or waited


class MessageTime(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of one size, in seconds each.

    Args:
        size_bytes: the size of a message.
        one_way_s: from the call that sends to the arrival, while the sender goes on computing.
        ping_pong_s: half of a round trip, while both processes wait.
        cpu_s: CPU time that a message costs each of the two processes.
    """

    size_bytes: int
    one_way_s: float
    ping_pong_s: float
    cpu_s: float


class MeasuredLink(msgspec.Struct, frozen=True, kw_only=True):
    """A measured link: what was measured, when and how; ``times`` go from the smallest message to the largest."""

    created: str
    backend: str
    torch: str
    cores: int  # how many different cores the two processes had
    times: tuple[MessageTime, ...]
    load_average: float | None = None  # of the machine before the measurement, if it is known

    @property
    def doubtful(self) -> bool:
        """Whether the machine was busy with other programs before the measurement."""
        return self.load_average is not None and self.load_average > _BUSY

    def at(self, size_bytes: int) -> Link:
        """The link for messages of one size; times are interpolated between the measured sizes."""
        least = self.times[0]
        one_way_s = self._between(size_bytes, "one_way_s")
        beyond_s = max(one_way_s - least.one_way_s, 0.0)
        return Link(
            latency_s=least.one_way_s,
            bytes_per_s=size_bytes / beyond_s if beyond_s else float("inf"),
            overhead_s=min(self._between(size_bytes, "cpu_s"), one_way_s / 2),
        )

    def _between(self, size_bytes: int, name: str) -> float:
        """A quantity at a size: constant below the smallest size, linear between sizes and beyond the largest."""
        points = [(time.size_bytes, getattr(time, name)) for time in self.times]
        if size_bytes <= points[0][0]:
            return float(points[0][1])
        for (left, low), (right, high) in pairwise(points):
            if size_bytes <= right or right == points[-1][0]:
                return float(low + (high - low) * (size_bytes - left) / (right - left))
        raise AssertionError("a link was measured at two sizes or more")
