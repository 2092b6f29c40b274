"""Ranks that cannot be connected: the machine refuses, unless another rank was the cause."""

from functools import partial
from pathlib import Path
from typing import NoReturn

import pytest
import torch
import torch.distributed as dist

from pipebench.engine import group
from pipebench.errors import EnvironmentRefusedError
from pipebench.launching.peers import LostPeerError
from pipebench.launching.rendezvous.place import on_one_machine
from pipebench.plan.graph import Graph


def refuse(text: str, *_: object, **__: object) -> NoReturn:
    raise RuntimeError(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gloo: Unable to find address for: lo\nmore", "interface lo: see that it is up (ip link set lo up)"),
        ("gloo: socket: Too many open files", "too many files are open"),
        ("Resource temporarily unavailable", "no further process or thread may be started"),
    ],
)
def test_without_loopback_or_beyond_a_limit(
    text: str, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(dist, "init_process_group", partial(refuse, text))
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(EnvironmentRefusedError) as refused:
        group.join(on_one_machine(0, 1), tmp_path, timeout_s=1.0)
    assert words in str(refused.value)
    assert f"({text.splitlines()[0]})" in str(refused.value)
    assert isinstance(refused.value.__cause__, LostPeerError) == text.startswith("gloo")


def test_without_room_for_nccl(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "NCCL error: unhandled system error. Error while creating shared memory segment /dev/shm/nccl-x"
    monkeypatch.setattr(dist, "new_group", partial(refuse, said))
    token = partial(torch.zeros, 1)
    with pytest.raises(EnvironmentRefusedError, match=r"by nccl: see that /dev/shm has space .*--shm-size"):
        group.by_direction(Graph(2, 1, 1), backend="nccl", rank=0, timeout_s=1.0, token=token)
