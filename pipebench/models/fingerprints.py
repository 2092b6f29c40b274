"""Fingerprints of tensors, which tell whether two processes hold the same ones without sending them."""

import hashlib
from collections.abc import Iterable

import torch
from torch import Tensor


def hashes(named: Iterable[tuple[str, Tensor]]) -> dict[str, str]:
    """The SHA-256 of each tensor's dtype, shape and bytes, by the tensor's name."""
    return {name: _hash(tensor) for name, tensor in named}


def _hash(tensor: Tensor) -> str:
    flat = tensor.detach().cpu().contiguous().resolve_conj().resolve_neg().reshape(-1)
    total = hashlib.sha256(f"{tensor.dtype} {tuple(tensor.shape)} ".encode())
    total.update(flat.view(torch.uint8).numpy().data)
    return total.hexdigest()
