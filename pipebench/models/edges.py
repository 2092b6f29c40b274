"""What crosses between two layers: the tensors of one slice, and which of them carry a gradient back. Pure."""

from collections.abc import Mapping
from functools import lru_cache
from math import prod

import msgspec

from pipebench.plan.actions import REDUCTIONS, Operation
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
    """A tensor of one slice. ``dtype`` is torch's name for its type; ``gradient``: a gradient comes back for it.

    A tensor that is not ``sent`` is there for its gradient alone. Another tensor of the message has its values, and the
    receiver has zeros in its place. If slices differ in their number of time steps, ``axis`` is the one that grows with
    it.
    """

    shape: tuple[int, ...]
    dtype: str
    gradient: bool
    sent: bool = True
    axis: int | None = None

    @property
    def bytes(self) -> int:
        """The bytes that it takes in a message."""
        return prod(self.shape) * DTYPE_BYTES[self.dtype]

    def at(self, steps: int, whole: int) -> "TensorSpec":
        """The same tensor for a slice of ``steps`` time steps, where this one is for ``whole`` of them."""
        if self.axis is None:
            return self
        shape = list(self.shape)
        shape[self.axis] = shape[self.axis] * steps // whole
        return msgspec.structs.replace(self, shape=tuple(shape))


class Edge(msgspec.Struct, frozen=True):
    """What a layer gives to the next one; ``packed``: in a tuple, even if it is one tensor.

    If slices differ in their number of time steps, this is the edge of the longest ones, which have ``steps`` of them.
    """

    tensors: tuple[TensorSpec, ...]
    packed: bool = False
    steps: int | None = None

    def at(self, steps: int | None) -> "Edge":
        """The edge of a slice of so many time steps; ``None`` gives the edge as it is."""
        return self if steps is None or self.steps in (None, steps) else _shortened(self, steps)

    @property
    def sent(self) -> tuple[TensorSpec, ...]:
        """The tensors that go to the next layer."""
        return tuple(tensor for tensor in self.tensors if tensor.sent)

    @property
    def gradients(self) -> tuple[TensorSpec, ...]:
        """The tensors whose gradients come back."""
        return tuple(tensor for tensor in self.tensors if tensor.gradient)

    @property
    def forward_bytes(self) -> int:
        """Bytes of the message to the stage above."""
        return sum(tensor.bytes for tensor in self.sent)

    @property
    def backward_bytes(self) -> int:
        """Bytes of the message to the stage below."""
        return sum(tensor.bytes for tensor in self.gradients)


Edges = Mapping[tuple[int, int], Edge]  # by the giving and the taking stage
Steps = tuple[tuple[int, ...], ...]  # how many time steps each slice has: [microbatch][chunk]
SHARE_OF_NORM = TensorSpec((1,), "float64", gradient=False)


@lru_cache(maxsize=4096)
def _shortened(edge: Edge, steps: int) -> Edge:
    assert edge.steps is not None, "an edge without steps is the same for all slices"
    tensors = tuple(spec.at(steps, edge.steps) for spec in edge.tensors)
    return msgspec.structs.replace(edge, tensors=tensors, steps=steps)


def tensors_of(edges: Edges, message: Message, steps: Steps | None = None) -> tuple[TensorSpec, ...]:
    """The tensors of a message between two stages.

    Args:
        edges: between stages.
        message: of a plan.
        steps: how many each of the batch's slices has, if they differ; by default all count as the longest.
    """
    producer, consumer = message.producer, message.consumer
    if producer.operation in REDUCTIONS:
        return (SHARE_OF_NORM,)
    here = None if steps is None else steps[producer.microbatch][producer.chunk]
    if producer.operation is Operation.FORWARD:
        return edges[producer.stage, consumer.stage].at(here).sent
    return edges[consumer.stage, producer.stage].at(here).gradients


def bytes_of(edges: Edges, message: Message, steps: Steps | None = None) -> int:
    """The size of a message; for the arguments see ``tensors_of``."""
    return sum(tensor.bytes for tensor in tensors_of(edges, message, steps))


def usual_bytes(edges: Edges) -> int:
    """The mean size of a step's messages: each edge is crossed as often in both directions; 0 without edges."""
    total = sum(edge.forward_bytes + edge.backward_bytes for edge in edges.values())
    return round(total / (2 * len(edges))) if edges else 0
