"""The seat of this process, and those of all."""

import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec

from pipebench import __version__
from pipebench.errors import EnvironmentRefusedError, UsageError
from pipebench.hosts import network
from pipebench.hosts.exchange import TO_COME_S, Exchange
from pipebench.hosts.words import Present, present_key
from pipebench.launching.rendezvous.place import OverNetwork, Place, Seat
from pipebench.launching.rendezvous.told import Told
from pipebench.telemetry.gpus import gpus

_PATIENCE_S = TO_COME_S
_TICK_S = 0.05
_LOOPBACK = ("127.", "::1")


def present(told: Told) -> Present:
    """This process's own seat."""
    return Present(
        Seat(
            local_rank=told.local_rank,
            device=0 if len(gpus()) == 1 else told.local_rank,  # a single GPU is shown to this rank alone
            host=socket.gethostname() or "unnamed",
            address=network.address_towards(told.address),
        ),
        _boot(),
        f"pipebench {__version__}, torch {version('torch')}",
    )


def all_seats(told: Told, exchange: Exchange, check: Callable[[], None]) -> tuple[Seat, ...]:
    """Wait until all ranks are there.

    Args:
        told: what the launcher has told this process.
        exchange: the exchange with the others.
        check: called meanwhile; raises what ends the wait.

    Raises:
        EnvironmentRefusedError: Some do not come, or have another version of pipebench or torch.
        UsageError: Two ranks have the same device.
    """
    keys = [present_key(rank) for rank in range(told.ranks)]
    exchange.look_for(keys)
    until = time.monotonic() + _PATIENCE_S
    while missing := ", ".join(str(rank) for rank, key in enumerate(keys) if exchange.found(key) is None):
        check()
        if time.monotonic() > until:
            raise EnvironmentRefusedError(
                f"{told.launcher}: expected {told.ranks} ranks, rank {missing} did not come within "
                f"{_PATIENCE_S:.0f} s: see that {told.launcher} started the same command on all machines"
            )
        time.sleep(_TICK_S)
    found = [msgspec.json.decode(exchange.found(key) or b"", type=Present) for key in keys]
    for rank, each in enumerate(found):
        if each.versions != found[0].versions:
            raise EnvironmentRefusedError(
                f"rank {rank} on {each.seat.host} has {each.versions}, rank 0 on {found[0].seat.host} "
                f"{found[0].versions}: expected the same on all machines; install the same there"
            )
    return seats_of(found)


def seats_of(found: Sequence[Present]) -> tuple[Seat, ...]:
    """All seats; machines that call themselves the same are told apart by their addresses.

    Raises:
        UsageError: Two ranks have the same device.
    """
    kernels = {(each.seat.host, each.boot) for each in found}
    often = Counter(host for host, _ in kernels)
    seats = tuple(
        msgspec.structs.replace(each.seat, host=f"{each.seat.host} ({each.seat.address or each.boot[:8]})")
        if often[each.seat.host] > 1
        else each.seat
        for each in found
    )
    taken: dict[tuple[str, int], int] = {}
    for rank, seat in enumerate(seats):
        other = taken.setdefault((seat.host, seat.local_rank), rank)
        if other != rank:
            raise UsageError(
                f"ranks {other} and {rank} on {seat.host} have the same local rank {seat.local_rank}, so the same "
                "device: expected a local rank for each process of a machine; start them as torchrun or srun does"
            )
    return seats


def place_of(told: Told, seats: tuple[Seat, ...], prefix: str) -> Place:
    """This rank's place among all, with the interface that leads to the others."""
    mine = seats[told.rank]
    others = [seat.address for seat in seats if seat.host != mine.host and seat.address]
    towards = next((address for address in others if not address.startswith(_LOOPBACK)), told.address)
    interface = network.interface_of(network.address_towards(towards))
    return Place(told.rank, seats, OverNetwork(told.address, told.port, prefix, interface))


def _boot() -> str:
    """The id of this kernel's start: processes that have the same one have the same monotonic clock."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
