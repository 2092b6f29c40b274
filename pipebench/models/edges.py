"""What crosses between two layers: the tensors of one slice, and which of them carry a gradient back. Pure."""

from math import prod

import msgspec

DTYPE_BYTES = {
    "float64": 8,
    "float32": 4,
    "float16": 2,
    "bfloat16": 2,
    "int64": 8,
    "int32": 4,
    "int16": 2,
    "int8": 1,
    "uint8": 1,
    "bool": 1,
    "complex64": 8,
    "complex128": 16,
}


class TensorSpec(msgspec.Struct, frozen=True):
    """A tensor of one slice; ``dtype`` as torch names it, ``gradient``: one comes back for it."""

    shape: tuple[int, ...]
    dtype: str
    gradient: bool

    @property
    def bytes(self) -> int:
        """What a message takes for it."""
        return prod(self.shape) * DTYPE_BYTES[self.dtype]


class Edge(msgspec.Struct, frozen=True):
    """What a layer gives to the next one, for each slice the same; ``packed``: as a tuple, be it of one tensor."""

    tensors: tuple[TensorSpec, ...]
    packed: bool = False

    @property
    def gradients(self) -> tuple[TensorSpec, ...]:
        """What comes back."""
        return tuple(tensor for tensor in self.tensors if tensor.gradient)

    @property
    def forward_bytes(self) -> int:
        """Of the message to the stage above."""
        return sum(tensor.bytes for tensor in self.tensors)

    @property
    def backward_bytes(self) -> int:
        """Of the message to the stage below."""
        return sum(tensor.bytes for tensor in self.gradients)
