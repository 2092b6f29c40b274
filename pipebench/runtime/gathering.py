"""Tensors by name, from all ranks to rank 0. Nothing is pickled: a list of what comes goes before it, as JSON."""

import msgspec
import torch
import torch.distributed as dist
from torch import Tensor


class _Coming(msgspec.Struct, frozen=True):
    """A tensor that a rank sends, or that it has none of this name."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    missing: bool = False


def gathered(own: dict[str, Tensor | None]) -> dict[str, Tensor | None] | None:
    """Every rank's tensors on rank 0, in host memory but for its own; ``None`` on the others. Collective."""
    if dist.get_rank() != 0:
        _send(own)
        return None
    found = dict(own)
    for rank in range(1, dist.get_world_size()):
        found.update(_received(rank))
    return found


def gathered_texts(own: dict[str, str]) -> dict[str, str] | None:
    """Every rank's texts by name on rank 0, ``None`` on the others. Collective."""
    if dist.get_rank() != 0:
        _tell(msgspec.json.encode(own))
        return None
    found = dict(own)
    for rank in range(1, dist.get_world_size()):
        found.update(msgspec.json.decode(_told(rank), type=dict[str, str]))
    return found


def _send(own: dict[str, Tensor | None]) -> None:
    coming = [
        _Coming(name, (), "", missing=True)
        if tensor is None
        else _Coming(name, tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
        for name, tensor in own.items()
    ]
    _tell(msgspec.json.encode(coming))
    for tensor in own.values():
        if tensor is not None:
            dist.send(tensor.detach().cpu().contiguous(), 0)


def _received(rank: int) -> dict[str, Tensor | None]:
    found: dict[str, Tensor | None] = {}
    for coming in msgspec.json.decode(_told(rank), type=list[_Coming]):
        found[coming.name] = None
        if not coming.missing:
            tensor = torch.empty(coming.shape, dtype=getattr(torch, coming.dtype))
            dist.recv(tensor, rank)
            found[coming.name] = tensor
    return found


def _tell(text: bytes) -> None:
    dist.send(torch.tensor(len(text)), 0)
    dist.send(torch.frombuffer(bytearray(text), dtype=torch.uint8), 0)


def _told(rank: int) -> bytes:
    size = torch.empty((), dtype=torch.int64)
    dist.recv(size, rank)
    text = torch.empty(int(size), dtype=torch.uint8)
    dist.recv(text, rank)
    return text.numpy().tobytes()
