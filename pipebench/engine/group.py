"""The process groups of a launch: ranks of one machine meet in a file, those of several in a store that listens.

    control      gloo, all ranks: readings, losses, gradients; and the messages of ranks on CPU cores
    directions   NCCL: one group for each sender and receiver, warmed up before anything is timed

On one machine gloo and NCCL use the loopback interface, so nothing listens outside it, and the store is a file in a
private folder. Between machines they use the interface that leads to the others, unless the user names another one.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch.distributed as dist
from torch import Tensor

from pipebench.errors import EnvironmentRefusedError
from pipebench.launching.peers import LostPeerError, recognised
from pipebench.launching.rendezvous.place import OverNetwork, Place
from pipebench.plan.graph import Graph
from pipebench.plan.transfers import messages_of
from pipebench.system import refusals

_TO_MEET_S = 60.0  # to connect to a store that listens already


def join(place: Place, folder: Path, *, timeout_s: float) -> None:
    """Join the other ranks.

    Args:
        place: where this rank is among the others.
        folder: private to this launch; on one machine the ranks meet in it.
        timeout_s: limit of a wait for a message; longer than the run's own deadline, so that the run can name the
            culprit first.

    Raises:
        EnvironmentRefusedError: The ranks cannot meet in the folder or over the network interface.
    """
    if isinstance(place.meeting, OverNetwork):
        _join_over_network(place, place.meeting, timeout_s)
    else:
        _join_in_folder(place, folder, timeout_s)


def _join_over_network(place: Place, meeting: OverNetwork, timeout_s: float) -> None:
    """Join over the interface of ``meeting``, unless the user named another one to gloo or NCCL."""
    if meeting.interface is not None:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", meeting.interface)
        os.environ.setdefault("NCCL_SOCKET_IFNAME", f"={meeting.interface}")  # "=": the exact name
    over = os.environ.get("GLOO_SOCKET_IFNAME")
    with _connecting(
        f"over the network interface {over}" if over else "over the network",
        "see that machines reach each other there (a firewall?), or name another interface in GLOO_SOCKET_IFNAME",
    ):
        wait = timedelta(seconds=_TO_MEET_S)
        store = dist.TCPStore(meeting.address, meeting.port, is_master=False, timeout=wait)  # type: ignore[attr-defined]
        store.set_timeout(timedelta(seconds=timeout_s))  # NCCL's look-ups in the store wait as long
        _begin(dist.PrefixStore(meeting.prefix, store), place, timeout_s)  # type: ignore[attr-defined]


def _join_in_folder(place: Place, folder: Path, timeout_s: float) -> None:
    loopback = "lo0" if sys.platform == "darwin" else "lo"
    os.environ["GLOO_SOCKET_IFNAME"] = os.environ["NCCL_SOCKET_IFNAME"] = loopback
    with _connecting(
        f"over the loopback interface {loopback}",
        f"see that it is up (ip link set {loopback} up) and that a sandbox lets processes connect there",
    ):
        path: Any = os.fsencode(folder / "store")  # bytes: as text, a path may not be valid UTF-8
        _begin(dist.FileStore(path, place.ranks), place, timeout_s)  # type: ignore[attr-defined]


def _begin(store: Any, place: Place, timeout_s: float) -> None:
    dist.init_process_group(
        "gloo", store=store, rank=place.rank, world_size=place.ranks, timeout=timedelta(seconds=timeout_s)
    )


@contextmanager
def _connecting(how: str, remedy: str) -> Iterator[None]:
    """Turn an error into one that says why processes cannot be connected.

    The cause stays attached: if a peer was lost, this process is not at fault.
    """
    try:
        with recognised():
            yield
    except (LostPeerError, RuntimeError, OSError) as error:
        why = refusals.why(str(error)) or remedy
        raise EnvironmentRefusedError(
            f"processes cannot be connected {how}: {why} ({refusals.first_line(error)})"
        ) from error


def by_direction(
    graph: Graph, *, backend: str, rank: int, timeout_s: float, token: Callable[[], Tensor]
) -> dict[tuple[int, int], Any]:
    """A group of two ranks for every direction in which messages go, each warmed up by one message. Collective.

    All ranks make and warm up all groups in the same order, so that no two ranks wait for each other.

    Args:
        graph: the graph of the plan.
        backend: torch's name of the backend, such as ``nccl``.
        rank: the rank of this process.
        timeout_s: limit of a wait for a message.
        token: makes a small tensor to send, on this rank's device.

    Raises:
        EnvironmentRefusedError: The ranks cannot be connected.
    """
    directions = sorted({(message.sender, message.receiver) for message in messages_of(graph)})
    groups = {}
    with _connecting(
        f"by {backend}",
        "see that /dev/shm has space (a container's --shm-size) and that GPUs may reach each other",
    ):
        for direction in directions:
            groups[direction] = dist.new_group(
                sorted(direction), backend=backend, timeout=timedelta(seconds=timeout_s)
            )
        for sender, receiver in directions:
            if rank == sender:
                dist.send(token(), receiver, group=groups[sender, receiver])
            elif rank == receiver:
                dist.recv(token(), sender, group=groups[sender, receiver])
    return groups


def leave() -> None:
    """Leave all groups, if joined."""
    if dist.is_initialized():
        dist.destroy_process_group()
