"""The process group of a launch: ranks of one machine that meet in a file, so that no port is opened.

Nothing listens outside loopback: gloo is told its interface, and the store is a file in a private folder.
"""

import os
import sys
from datetime import timedelta
from pathlib import Path

import torch.distributed as dist


def join(folder: Path, *, rank: int, ranks: int, timeout_s: float) -> None:
    """Join the ranks that meet in ``folder``.

    Args:
        folder: private to this launch.
        rank: of this process.
        ranks: how many there are.
        timeout_s: of a wait for a message; longer than the run's own deadline, which names the culprit.
    """
    os.environ["GLOO_SOCKET_IFNAME"] = "lo0" if sys.platform == "darwin" else "lo"
    store = dist.FileStore(str(folder / "store"), ranks)  # type: ignore[attr-defined]
    dist.init_process_group(
        "gloo", store=store, rank=rank, world_size=ranks, timeout=timedelta(seconds=timeout_s)
    )


def leave() -> None:
    """Leave the group, if joined."""
    if dist.is_initialized():
        dist.destroy_process_group()
