"""Where each rank of a launch is, and how this rank meets the others. Pure.

Only this file says on which host a rank is, which device it has there, and which ranks share a clock.
"""

from functools import cached_property

import msgspec


class Seat(msgspec.Struct, frozen=True):
    """Where a rank is: its number on its host, its device, and the host's name and address.

    ``device`` counts the GPUs that the rank sees. If a launcher shows each rank only one GPU, it is 0 for all ranks.
    ``host`` and ``address`` are empty if one launcher starts all ranks on one machine.
    """

    local_rank: int
    device: int
    host: str = ""
    address: str = ""


class InFolder(msgspec.Struct, frozen=True, tag="folder"):
    """All ranks are on one machine and meet in a file of the launch's folder, over loopback."""


class OverNetwork(msgspec.Struct, frozen=True, tag="network"):
    """Ranks meet in a store that listens at an address, under a prefix of their own.

    ``interface`` is the network interface for messages; ``None`` if the user has named one to gloo and NCCL.
    """

    address: str
    port: int
    prefix: str
    interface: str | None


class Place(msgspec.Struct, frozen=True, dict=True):
    """The place of one rank among all ranks."""

    rank: int
    seats: tuple[Seat, ...]
    meeting: InFolder | OverNetwork

    @property
    def ranks(self) -> int:
        """How many ranks there are."""
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
        """The number of this rank's GPU among those that the rank sees."""
        return self.seats[self.rank].device

    @cached_property
    def hosts(self) -> tuple[str, ...]:
        """All hosts, in the order of their first ranks."""
        return tuple(dict.fromkeys(seat.host for seat in self.seats))

    @property
    def core(self) -> int:
        """The core for this rank, counted from the last one down.

        The number of its host is added, since hosts may be containers that share a machine.
        """
        return self.local_rank + self.hosts.index(self.seats[self.rank].host)

    def beside(self, rank: int) -> list[int]:
        """The ranks on the host of ``rank``, with ``rank`` itself. They share one clock."""
        return [other for other, seat in enumerate(self.seats) if seat.host == self.seats[rank].host]

    def within_reach(self, rank: int) -> list[int]:
        """The ranks whose GPUs a rank sees: those of its host, or only itself if each rank sees only its own GPU."""
        ranks = self.beside(rank)
        return ranks if len({self.seats[other].device for other in ranks}) == len(ranks) else [rank]

    def name(self, rank: int) -> str:
        """The rank in words, such as ``rank 3 on node2``."""
        host = self.seats[rank].host
        return f"rank {rank} on {host}" if host else f"rank {rank}"


def on_one_machine(rank: int, ranks: int) -> Place:
    """The place of a rank that our own launcher starts: all devices are on this machine, numbered like the ranks."""
    return Place(rank, tuple(Seat(number, number) for number in range(ranks)), InFolder())
