"""A part of a model whose backward is in halves, without autograd: what a stage needs from it.

    F   forward           what goes out, or the loss
    I   backward_input    gradients of what came in, which the stages below wait for
    W   backward_weight   gradients of the parameters, whenever there is time

Such a part is made for one plan, and keeps what its backward needs in memory of its own.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from pipebench.models.network import Part, StepBatch

At = tuple[int, int]  # a slice: microbatch, chunk
Payload = tuple[Tensor, ...]  # what one message carries


class Split(Protocol):
    """A part whose backward is in halves.

    Slices come in the order in which they run. Within a microbatch, F goes from the first chunk to the last, and I from
    the last to the first.
    """

    products: str  # the library of its products: packed, onednn or blas

    def load(self, batch: StepBatch) -> None:
        """Take the next step's batch."""

    def begin(self) -> None:
        """Prepare a step, before its first action: make what depends on the update or on the batch."""

    def forward(
        self, slices: Sequence[At], received: Sequence[Sequence[Payload]]
    ) -> Sequence[Payload | Tensor]:
        """Run the forward of slices. Returns what each gives to the next stages.

        A part that closes the model returns each slice's loss instead, divided by the batch's divisor. A payload is in
        the part's memory, and stays valid until the slice's W.

        Args:
            slices: to run together.
            received: for each slice, the payload from each stage below.
        """

    def backward_input(
        self, slices: Sequence[At], received: Sequence[Sequence[Payload]]
    ) -> Sequence[list[Payload]]:
        """For each slice and each stage below, the gradients of what that stage gave.

        Args:
            slices: have had their forward.
            received: for each slice, the gradients from each stage above.
        """

    def backward_weight(self, slices: Sequence[At]) -> None:
        """Add the parameters' gradients to a running total.

        The slices have had their I. They may be of any microbatches, in any order.
        """

    def finish(self) -> None:
        """Add the totals to the parameters' ``grad``; call it after the step's last action."""


@runtime_checkable
class SplitNetwork(Protocol):
    """A network that can make such parts."""

    def products(self, microbatches: int, device: torch.device | None = None) -> object:
        """The library that such parts use here; ``found`` of the network then says which one it is."""

    def split(self, model: Part, *, microbatches: int, chunks: int) -> Split | None:
        """Split ``model`` for a plan of so many slices; ``None`` if the network does not know how to split it."""


def add_gradient(parameter: Tensor, gradient: Tensor) -> None:
    """Add to ``parameter.grad``. The tensor may itself become ``grad``, so nothing else may use it."""
    if parameter.grad is None:
        parameter.grad = gradient
    else:
        parameter.grad += gradient


def added_up(payloads: Sequence[Payload]) -> Tensor:
    """The sum of payloads of one tensor each, in their order. The given tensors are not changed."""
    first, *others = [payload[0] for payload in payloads]
    if not others:
        return first
    total = first + others[0]
    for gradient in others[1:]:
        total.add_(gradient)
    return total
