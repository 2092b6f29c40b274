"""Measure the links between two ranks of one host and between ranks of two hosts, each by a ping-pong of two ranks.

All other ranks wait meanwhile, so no other message is on the way.
"""

from collections.abc import Callable
from datetime import timedelta
from statistics import median

import torch
import torch.distributed as dist

from pipebench.engine.device import RankDevice
from pipebench.launching.rendezvous.place import Place
from pipebench.records.devices import HostLinkRecord, MessageTimeRecord

SIZES_BYTES = (4, 2**16, 2**20, 2**22)
_FEWEST, _MOST = 5, 60
_SIZE_S = 0.4  # for all messages of a size


def pairs(place: Place) -> list[tuple[str, int, int]]:
    """The two ranks of each link, with the name of the second one's host.

    The first link is inside rank 0's host, if that has two ranks. The others go from rank 0 to each other host.
    """
    here = place.beside(0)
    inside = [(place.seats[0].host, 0, here[1])] if len(here) > 1 else []
    firsts = {place.seats[rank].host: rank for rank in reversed(range(place.ranks))}
    across = [(host, 0, firsts[host]) for host in place.hosts[1:]]
    return [*inside, *across]


def measure(
    place: Place, device: RankDevice, *, backend: str | None, timeout_s: float
) -> list[HostLinkRecord]:
    """Measure all links; rank 0 is part of each, so its result is complete. Collective.

    Args:
        place: the place of this rank.
        device: the device that has this rank's messages in its memory.
        backend: what carries messages between devices, such as ``nccl``; ``None``: the group of all ranks.
        timeout_s: limit of a wait for a message.
    """
    found = []
    for host, first, second in pairs(place):
        group = (
            None
            if backend is None
            else dist.new_group([first, second], backend=backend, timeout=timedelta(seconds=timeout_s))
        )
        if place.rank in (first, second):
            other = second if place.rank == first else first
            rally = _Rally(other, device, group, serves=place.rank == first)
            times = [
                MessageTimeRecord(size_bytes=size, one_way_s=rally.one_way_s(size)) for size in SIZES_BYTES
            ]
            if group is not None:
                dist.destroy_process_group(group)  # it would keep its buffers on rank 0's device
            found.append(_record((place.seats[0].host, host), (first, second), times))
        dist.barrier()
    return found


def _record(hosts: tuple[str, str], ranks: tuple[int, int], times: list[MessageTimeRecord]) -> HostLinkRecord:
    """A link's record: the smallest message gives the latency, and the largest one's extra time gives the rate."""
    least, most = times[0], times[-1]
    beyond_s = most.one_way_s - least.one_way_s
    return HostLinkRecord(
        hosts=hosts,
        ranks=ranks,
        latency_s=least.one_way_s,
        bytes_per_s=(most.size_bytes - least.size_bytes) / beyond_s if beyond_s > 0 else None,
        times=times,
    )


class _Rally:
    """Messages of many sizes between this rank and another one; the one that ``serves`` sends first and is timed."""

    def __init__(self, other: int, device: RankDevice, group: object, *, serves: bool) -> None:
        self.other, self.device, self.group, self.serves = other, device, group, serves

    def one_way_s(self, size_bytes: int) -> float:
        """Seconds one way: half of the median round trip."""
        ball = torch.zeros(size_bytes, dtype=torch.uint8, device=self.device.torch)
        self._timed(ball)
        rounds = torch.tensor(0)
        if self.serves:
            rounds.fill_(max(_FEWEST, min(_MOST, int(_SIZE_S / self._timed(ball)))))
            dist.send(rounds, self.other)
        else:
            self._timed(ball)
            dist.recv(rounds, self.other)
        return median(self._timed(ball) for _ in range(int(rounds))) / 2

    def _timed(self, ball: torch.Tensor) -> float:
        return self.device.seconds(self._round(ball))

    def _round(self, ball: torch.Tensor) -> Callable[[], None]:
        def there() -> None:
            dist.send(ball, self.other, group=self.group)  # type: ignore[arg-type]

        def back() -> None:
            dist.recv(ball, self.other, group=self.group)  # type: ignore[arg-type]

        first, second = (there, back) if self.serves else (back, there)

        def both() -> None:
            first()
            second()

        return both
