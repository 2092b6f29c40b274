"""Nests of tensors, as states and outputs come: tuples, lists and dictionaries of tensors, or of whatever else."""

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor


def tensors(nest: Any) -> Iterator[Tensor]:
    """Its tensors, in the order of the nest."""
    if isinstance(nest, Tensor):
        yield nest
    elif isinstance(nest, tuple | list):
        for each in nest:
            yield from tensors(each)
    elif isinstance(nest, dict):
        for each in nest.values():
            yield from tensors(each)


def mapped(change: Callable[[Tensor], Tensor], nest: Any) -> Any:
    """The same nest with each tensor changed; what is no tensor stays as it is."""
    if isinstance(nest, Tensor):
        return change(nest)
    if isinstance(nest, dict):
        return {key: mapped(change, each) for key, each in nest.items()}
    if isinstance(nest, tuple | list):
        changed = (mapped(change, each) for each in nest)
        return type(nest)(*changed) if hasattr(nest, "_fields") else type(nest)(changed)
    return nest
