"""A part of a model whose backward is in halves, without autograd: what a stage needs from it.

    F   forward           what goes out, or the loss
    I   backward_input    gradients of what came in, which the stages below wait for
    W   backward_weight   gradients of the parameters, whenever there is time

Such a part is made for one plan, and keeps what its backward needs in memory of its own.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor

from pipebench.models.network import Part, StepBatch

At = tuple[int, int]  # a slice: microbatch, chunk
Payload = tuple[Tensor, ...]  # what one message carries


class Split(Protocol):
    """Its slices come in the order in which they run: of a microbatch, F from the first chunk on, I from the last."""

    products: str  # the library of its products: packed, onednn or blas

    def load(self, batch: StepBatch) -> None:
        """Take the next step's batch."""

    def begin(self) -> None:
        """Prepare a step, before its first action: make what depends on the update or on the batch."""

    def forward(
        self, slices: Sequence[At], received: Sequence[Sequence[Payload]]
    ) -> Sequence[Payload | Tensor]:
        """Of each slice what goes out, or its loss over the batch's divisor where the part closes the model.

        A payload's memory is the part's, and holds until W of the slice.

        Args:
            slices: to run, some that go together.
            received: of each slice, from each stage below.
        """

    def backward_input(
        self, slices: Sequence[At], received: Sequence[Sequence[Payload]]
    ) -> Sequence[list[Payload]]:
        """Of each slice, for each stage below, the gradients of what it gave.

        Args:
            slices: which have had their forward.
            received: of each slice, the gradients from each stage above.
        """

    def backward_weight(self, slices: Sequence[At]) -> None:
        """Add to a running total. The slices, of any microbatches and in any order, have had their I."""

    def finish(self) -> None:
        """After the last action: add the totals to the parameters' ``grad``."""


@runtime_checkable
class SplitNetwork(Protocol):
    """A network that has parts of this kind."""

    def split(self, model: Part, *, microbatches: int, chunks: int) -> Split | None:
        """A part of it in halves, for a plan of so many slices; ``None`` for one that it does not know how to split."""


def add_gradient(parameter: Tensor, gradient: Tensor) -> None:
    """Which is ours to give away."""
    if parameter.grad is None:
        parameter.grad = gradient
    else:
        parameter.grad += gradient


def added_up(payloads: Sequence[Payload]) -> Tensor:
    """The only tensor of each of several payloads, in their order; nobody's tensors are written into."""
    first, *others = [payload[0] for payload in payloads]
    if not others:
        return first
    total = first + others[0]
    for gradient in others[1:]:
        total.add_(gradient)
    return total
