"""What crosses between two layers: the tensors of one slice, and which of them carry a gradient back. Pure."""

from collections.abc import Mapping
from math import prod

import msgspec

from pipebench.plan.actions import Operation
from pipebench.plan.transfers import Message

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
    """A tensor of one slice; ``dtype`` as torch names it, ``gradient``: one comes back for it.

    One that is not ``sent`` is there for its gradient alone: what it holds is in another tensor of the message, and who
    receives that has zeros in its place.
    """

    shape: tuple[int, ...]
    dtype: str
    gradient: bool
    sent: bool = True

    @property
    def bytes(self) -> int:
        """What a message takes for it."""
        return prod(self.shape) * DTYPE_BYTES[self.dtype]


class Edge(msgspec.Struct, frozen=True):
    """What a layer gives to the next one, for each slice the same; ``packed``: as a tuple, be it of one tensor."""

    tensors: tuple[TensorSpec, ...]
    packed: bool = False

    @property
    def sent(self) -> tuple[TensorSpec, ...]:
        """What goes there."""
        return tuple(tensor for tensor in self.tensors if tensor.sent)

    @property
    def gradients(self) -> tuple[TensorSpec, ...]:
        """What comes back."""
        return tuple(tensor for tensor in self.tensors if tensor.gradient)

    @property
    def forward_bytes(self) -> int:
        """Of the message to the stage above."""
        return sum(tensor.bytes for tensor in self.sent)

    @property
    def backward_bytes(self) -> int:
        """Of the message to the stage below."""
        return sum(tensor.bytes for tensor in self.gradients)


Edges = Mapping[tuple[int, int], Edge]  # by the stage that gives and the one that takes


def tensors_of(edges: Edges, message: Message) -> tuple[TensorSpec, ...]:
    """The tensors of a message between two stages."""
    producer, consumer = message.producer, message.consumer
    if producer.operation is Operation.FORWARD:
        return edges[producer.stage, consumer.stage].sent
    return edges[consumer.stage, producer.stage].gradients


def bytes_of(edges: Edges, message: Message) -> int:
    """The size of a message."""
    return sum(tensor.bytes for tensor in tensors_of(edges, message))


def usual_bytes(edges: Edges) -> int:
    """The mean size of a step's messages: each edge is crossed as often in both directions; 0 without edges."""
    total = sum(edge.forward_bytes + edge.backward_bytes for edge in edges.values())
    return round(total / (2 * len(edges))) if edges else 0
