"""What flows between layers: a tensor, or a tuple of tensors."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from pipebench.errors import UsageError
from pipebench.models.edges import DTYPE_BYTES, Edge, TensorSpec
from pipebench.models.own.last_word import a

Value = Tensor | tuple[Tensor, ...]


def tensors_of(value: Value) -> tuple[Tensor, ...]:
    """The tensors of a tuple; a single tensor as a tuple."""
    return value if isinstance(value, tuple) else (value,)


def as_value(tensors: Sequence[Tensor], *, packed: bool) -> Value:
    """The tensors as a tuple if ``packed``, else the only one."""
    return tuple(tensors) if packed else tensors[0]


def mapped(value: Value, function: Callable[[Tensor], Tensor]) -> Value:
    """The value with each tensor replaced."""
    return as_value([function(tensor) for tensor in tensors_of(value)], packed=isinstance(value, tuple))


def to_dtype(value: Value, dtype: torch.dtype) -> Value:
    """Floating tensors in this dtype; others as they are."""
    return mapped(value, lambda tensor: tensor.to(dtype) if tensor.is_floating_point() else tensor)


def shapes(value: Value) -> str:
    """The shapes as text, such as ``[8, 4]`` or ``([8, 4], [8])``."""
    said = ", ".join(str(list(tensor.shape)) for tensor in tensors_of(value))
    return f"({said})" if isinstance(value, tuple) else said


def dtype_name(tensor: Tensor) -> str:
    """A tensor's dtype as torch prints it, without ``torch.``."""
    return str(tensor.dtype).removeprefix("torch.")


def checked(value: object, what: str) -> Value:
    """Check a value, and return it; a tuple of a subclass comes back as a plain tuple.

    Raises:
        UsageError: The value is neither a tensor nor a tuple of tensors, or a tensor cannot be sent.
    """
    wanted = "a tensor or a tuple of tensors is needed"
    tensors = tuple(value) if isinstance(value, tuple) else (value,)
    if not tensors:
        raise UsageError(f"{what} is an empty tuple; {wanted}")
    for index, tensor in enumerate(tensors):
        if not isinstance(tensor, Tensor):
            inside = f" with {a(tensor)} at {index}" if isinstance(value, tuple) else ""
            raise UsageError(f"{what} is {a(value)}{inside}; {wanted}")
        if tensor.layout != torch.strided or dtype_name(tensor) not in DTYPE_BYTES:
            kind = f"{dtype_name(tensor)}, {tensor.layout}".removesuffix(", torch.strided")
            raise UsageError(f"{what} has a tensor of {kind}, which cannot be sent; convert it")
    return as_value(tensors, packed=isinstance(value, tuple))


def edge_of(value: Value) -> Edge:
    """The edge that a value crosses: each tensor's shape and dtype, and whether it requires a gradient."""
    specs = (TensorSpec(tuple(t.shape), dtype_name(t), t.requires_grad) for t in tensors_of(value))
    return Edge(tuple(specs), packed=isinstance(value, tuple))
