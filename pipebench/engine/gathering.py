"""Send tensors by name from all ranks to rank 0, or from rank 0 to the ranks that use them.

Nothing is pickled: a JSON list of the tensors goes before them.
"""

from collections.abc import Collection

import msgspec
import torch
import torch.distributed as dist
from torch import Tensor


class _Coming(msgspec.Struct, frozen=True):
    """A tensor that a rank sends; ``missing``: the name has no tensor."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    missing: bool = False


def gathered(own: dict[str, Tensor | None]) -> dict[str, Tensor | None] | None:
    """All ranks' tensors by name on rank 0, ``None`` on other ranks. Received ones are in host memory. Collective."""
    if dist.get_rank() != 0:
        _send(own)
        return None
    found = dict(own)
    for rank in range(1, dist.get_world_size()):
        found.update(_received(rank))
    return found


def gathered_texts(own: dict[str, str]) -> dict[str, str] | None:
    """All ranks' texts by name on rank 0, ``None`` on other ranks. Collective."""
    if dist.get_rank() != 0:
        _tell(msgspec.json.encode(own))
        return None
    found = dict(own)
    for rank in range(1, dist.get_world_size()):
        found.update(msgspec.json.decode(_told(rank), type=dict[str, str]))
    return found


def spread(all_of_them: dict[str, Tensor | None] | None, wanted: Collection[str]) -> dict[str, Tensor | None]:
    """Send rank 0's tensors to all ranks, one at a time; those that this rank wants, by name. Collective.

    Args:
        all_of_them: rank 0's tensors by name; other ranks give ``None``.
        wanted: names of the tensors that this rank keeps.
    """
    text = spread_text(None if all_of_them is None else _coming(all_of_them))
    found: dict[str, Tensor | None] = {}
    for coming in msgspec.json.decode(text, type=list[_Coming]):
        tensor = None
        if not coming.missing:
            mine = all_of_them[coming.name] if all_of_them is not None else None
            dtype = getattr(torch, coming.dtype)
            tensor = torch.empty(coming.shape, dtype=dtype) if mine is None else _plain(mine)
            dist.broadcast(tensor, 0)
        if coming.name in wanted:
            found[coming.name] = tensor
    return found


def spread_text(told: bytes | None) -> bytes:
    """Send rank 0's text to all ranks; the others give ``None``. Collective."""
    told = told or b""
    size = torch.tensor(len(told))
    dist.broadcast(size, 0)
    text = torch.frombuffer(bytearray(told or bytes(int(size))), dtype=torch.uint8)
    dist.broadcast(text, 0)
    return text.numpy().tobytes()


def _plain(tensor: Tensor) -> Tensor:
    """The tensor in host memory, dense and contiguous."""
    whole = tensor.to_dense() if tensor.is_sparse else tensor
    return whole.detach().cpu().contiguous()


def _coming(own: dict[str, Tensor | None]) -> bytes:
    """The list of tensors that come, as JSON."""
    return msgspec.json.encode(
        [
            _Coming(name, (), "", missing=True)
            if tensor is None
            else _Coming(name, tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
            for name, tensor in own.items()
        ]
    )


def _send(own: dict[str, Tensor | None]) -> None:
    _tell(_coming(own))
    for tensor in own.values():
        if tensor is not None:
            dist.send(_plain(tensor), 0)


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
