"""Nested tuples, lists and dictionaries of tensors and other things, as states and outputs may be."""

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor


def tensors(nest: Any) -> Iterator[Tensor]:
    """All tensors of a nest, in its order."""
    if isinstance(nest, Tensor):
        yield nest
    elif isinstance(nest, tuple | list):
        for each in nest:
            yield from tensors(each)
    elif isinstance(nest, dict):
        for each in nest.values():
            yield from tensors(each)


def mapped(change: Callable[[Tensor], Tensor], nest: Any) -> Any:
    """The same nest with each tensor changed; all other values stay as they are."""
    if isinstance(nest, Tensor):
        return change(nest)
    if isinstance(nest, dict):
        return {key: mapped(change, each) for key, each in nest.items()}
    if isinstance(nest, tuple | list):
        changed = (mapped(change, each) for each in nest)
        return type(nest)(*changed) if hasattr(nest, "_fields") else type(nest)(changed)
    return nest
