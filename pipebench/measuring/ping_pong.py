"""Ping-pong between two real ranks: how long a message takes, and how much CPU time it costs sender and receiver.

    rank 0  send ->      <- wait        ping_pong_s: half of a round trip
    rank 1     wait -> send

    rank 0  send -> computing ...       one_way_s: until rank 1 has the message; both read one monotonic clock
    rank 1     wait -> has it

The ranks send and receive as in a pipeline: receives posted ahead, each rank pinned to its core.
"""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import torch
import torch.distributed as dist

from pipebench.engine import group
from pipebench.launching.rendezvous.place import Place
from pipebench.timing.measured_link import MeasuredLink, MessageTime

SIZES_BYTES = (4, 2**12, 2**16, 2**18, 2**20, 2**22, 2**24)
_MOST_ROUNDS, _FEWEST_ROUNDS = 300, 20
_BYTES = 40e6  # in all rounds of a size: about a tenth of a second
_LEAST_SPIN_S = 2e-3


def measure(place: Place, folder: Path, patience_s: float, report: Callable[[float], None]) -> MeasuredLink:
    """Measure messages of all sizes; rank 0's result is the one to keep. Collective.

    Args:
        place: the place of this rank.
        folder: the folder of the launch.
        patience_s: limit of a wait for a message.
        report: takes the share that is done, from 0 to 1.
    """
    group.join(place, folder, timeout_s=patience_s)
    times = []
    for number, size_bytes in enumerate(SIZES_BYTES):
        report(number / len(SIZES_BYTES))
        times.append(_PingPong(place.rank, size_bytes).measure())
    return MeasuredLink(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        backend=f"{dist.get_backend()} over loopback",
        torch=str(torch.__version__),
        cores=_cores(),
        times=tuple(times),
    )


class _PingPong:
    """Messages of one size, as one rank sends and receives them."""

    def __init__(self, rank: int, size_bytes: int) -> None:
        self.rank, self.size_bytes = rank, size_bytes
        self.rounds = max(_FEWEST_ROUNDS, min(_MOST_ROUNDS, int(_BYTES / size_bytes)))
        self.outgoing = torch.ones(size_bytes, dtype=torch.uint8)
        self.incoming = torch.ones(size_bytes, dtype=torch.uint8)
        self.sent_at = torch.zeros(1, dtype=torch.float64)

    def measure(self) -> MessageTime:
        for _ in range(3):
            self._there_and_back()
        dist.barrier()
        cpu_s, rounds_s = time.process_time(), []
        for _ in range(self.rounds):
            start = time.perf_counter()
            self._there_and_back()
            rounds_s.append(time.perf_counter() - start)
        cpu = torch.tensor(time.process_time() - cpu_s, dtype=torch.float64)
        dist.all_reduce(cpu)
        spin_s = torch.tensor(max(4 * median(rounds_s), _LEAST_SPIN_S), dtype=torch.float64)
        dist.broadcast(spin_s, 0)
        arrivals = torch.tensor(
            [self._one_way(float(spin_s)) for _ in range(_FEWEST_ROUNDS)], dtype=torch.float64
        )
        dist.broadcast(arrivals, 1)
        return MessageTime(
            size_bytes=self.size_bytes,
            one_way_s=median(arrivals.tolist()),
            ping_pong_s=median(rounds_s) / 2,
            cpu_s=float(cpu) / (4 * self.rounds),  # each round has two messages, each message two ends
        )

    def _there_and_back(self) -> None:
        other = 1 - self.rank
        receive = _posted(dist.irecv(self.incoming, other))
        if self.rank == 1:
            receive.wait()
        send = _posted(dist.isend(self.outgoing, other))
        if self.rank == 0:
            receive.wait()
        send.wait()

    def _one_way(self, spin_s: float) -> float:
        """Send one message while the sender goes on computing; its seconds on rank 1, and 0 on rank 0."""
        if self.rank == 1:
            receives = [_posted(dist.irecv(tensor, 0)) for tensor in (self.incoming, self.sent_at)]
            dist.barrier()
            receives[0].wait()
            arrived = time.perf_counter()
            receives[1].wait()
            return arrived - float(self.sent_at)
        dist.barrier()
        _spin(_LEAST_SPIN_S)  # until the other rank waits
        self.sent_at[0] = time.perf_counter()
        send = _posted(dist.isend(self.outgoing, 1))
        _spin(spin_s)
        send.wait()
        dist.send(self.sent_at, 1)
        return 0.0


def _cores() -> int:
    """How many different cores the two ranks have."""
    if not hasattr(os, "sched_getaffinity"):
        return min(os.cpu_count() or 1, 2)
    mine = torch.tensor(min(os.sched_getaffinity(0)))
    both = [torch.zeros_like(mine) for _ in range(2)]
    dist.all_gather(both, mine)
    return len({int(core) for core in both})


def _spin(seconds: float) -> None:
    """Keep the core busy."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def _posted(work: dist.Work | None) -> dist.Work:
    assert work is not None, "a rank sends to another rank"
    return work
