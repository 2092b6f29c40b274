"""The process groups of a launch: ranks of one machine that meet in a file, so that no port is opened.

    control      gloo, all ranks: readings, losses, gradients; and the messages of ranks on CPU cores
    directions   NCCL: one group for each sender and receiver, warmed before anything is timed

Nothing listens outside loopback: gloo and NCCL are told its interface, and the store is a file in a private
folder.
"""

import os
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch.distributed as dist
from torch import Tensor

from pipebench.plan.graph import Graph
from pipebench.plan.transfers import messages_of


def join(folder: Path, *, rank: int, ranks: int, timeout_s: float) -> None:
    """Join the ranks that meet in ``folder``.

    Args:
        folder: private to this launch.
        rank: of this process.
        ranks: how many there are.
        timeout_s: of a wait for a message; longer than the run's own deadline, which names the culprit.
    """
    loopback = "lo0" if sys.platform == "darwin" else "lo"
    os.environ["GLOO_SOCKET_IFNAME"] = os.environ["NCCL_SOCKET_IFNAME"] = loopback
    store = dist.FileStore(str(folder / "store"), ranks)  # type: ignore[attr-defined]
    dist.init_process_group(
        "gloo", store=store, rank=rank, world_size=ranks, timeout=timedelta(seconds=timeout_s)
    )


def by_direction(
    graph: Graph, *, backend: str, rank: int, timeout_s: float, token: Callable[[], Tensor]
) -> dict[tuple[int, int], Any]:
    """A group of two for every direction in which messages go, each warmed by one. Collective.

    All ranks make all groups in one order, and warm them in that order, so that no two wait for each other.

    Args:
        graph: of the plan.
        backend: such as ``nccl``.
        rank: of this process.
        timeout_s: of a wait for a message.
        token: makes a small tensor to send, on this rank's device.
    """
    directions = sorted({(message.sender, message.receiver) for message in messages_of(graph)})
    groups = {}
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
