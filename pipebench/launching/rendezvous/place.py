"""Where each rank of a launch is, and how this one meets the others. Pure.

The only statement of what a rank is on its machine: its host, the device it has there, and whether two ranks share a
clock.
"""

from functools import cached_property

import msgspec


class Seat(msgspec.Struct, frozen=True):
    """A rank's: its host, its number there, which of the GPUs that it sees it has, and where others find the host.

    ``host`` and ``address`` are empty where all ranks are processes of one launcher on one machine. A launcher may show
    each rank one GPU alone: that is number 0 for all of them.
    """

    local_rank: int
    device: int
    host: str = ""
    address: str = ""


class InFolder(msgspec.Struct, frozen=True, tag="folder"):
    """All ranks are on one machine and meet in a file of the launch's folder, over loopback."""


class OverNetwork(msgspec.Struct, frozen=True, tag="network"):
    """Ranks meet in a store that listens at an address, under a prefix of their own.

    ``interface`` is the network interface that messages take; ``None`` where the user has said so to gloo and NCCL.
    """

    address: str
    port: int
    prefix: str
    interface: str | None


class Place(msgspec.Struct, frozen=True, dict=True):
    """One rank among all."""

    rank: int
    seats: tuple[Seat, ...]
    meeting: InFolder | OverNetwork

    @property
    def ranks(self) -> int:
        """How many there are."""
        return len(self.seats)

    @property
    def joined(self) -> bool:
        """Whether torchrun or Slurm started the ranks, on this machine or on several."""
        return isinstance(self.meeting, OverNetwork)

    @property
    def local_rank(self) -> int:
        """This rank's number on its host."""
        return self.seats[self.rank].local_rank

    @property
    def device(self) -> int:
        """Which of the GPUs that it sees this rank has."""
        return self.seats[self.rank].device

    @cached_property
    def hosts(self) -> tuple[str, ...]:
        """All hosts, in the order of their first ranks."""
        return tuple(dict.fromkeys(seat.host for seat in self.seats))

    @property
    def core(self) -> int:
        """Which core it is to have, from the last one down: hosts may be containers that share a machine."""
        return self.local_rank + self.hosts.index(self.seats[self.rank].host)

    def beside(self, rank: int) -> list[int]:
        """The ranks of a rank's host, itself among them. They share one clock."""
        return [other for other, seat in enumerate(self.seats) if seat.host == self.seats[rank].host]

    def within_reach(self, rank: int) -> list[int]:
        """The ranks whose GPUs a rank sees: its host's, or itself alone where each one is shown its own."""
        ranks = self.beside(rank)
        return ranks if len({self.seats[other].device for other in ranks}) == len(ranks) else [rank]

    def name(self, rank: int) -> str:
        """Such as ``rank 3 on node2``."""
        host = self.seats[rank].host
        return f"rank {rank} on {host}" if host else f"rank {rank}"


def on_one_machine(rank: int, ranks: int) -> Place:
    """A rank of our own launcher: all devices are this machine's, and numbered as ranks are."""
    return Place(rank, tuple(Seat(number, number) for number in range(ranks)), InFolder())
