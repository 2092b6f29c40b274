"""What the executor asks of a stage, whether autograd computes its gradients or a split cell does.

forward           F   forward of one slice; ``forward_many`` runs several slices as one cell
backward          B   whole backward of one slice
backward_input    I   what stages below wait for; ``backward_input_many`` runs several slices as one cell
backward_weight   W   the weights' gradients of any slices that have had their I, in any order
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from torch import Tensor

from pipebench.engine.stage import Payload
from pipebench.models.network import Part, StepBatch

_T_co = TypeVar("_T_co", covariant=True)

At = tuple[int, int]  # microbatch and chunk


class One(Protocol[_T_co]):
    """A method on one slice."""

    def __call__(self, microbatch: int, chunk: int, received: Sequence[Payload], /) -> _T_co:
        """Run the method on this slice; ``received`` is what each neighbour gave for it."""


Many = Callable[[Sequence[At], Sequence[Sequence[Payload]]], Sequence[_T_co]]


class AnyStage(Protocol):
    """Runs the actions of one stage on the batch it was given last."""

    @property
    def part(self) -> Part:
        """The part of the model that this stage runs."""

    @property
    def loss(self) -> Tensor:
        """The tensor that sums up the loss of a step."""

    def load(self, batch: StepBatch) -> None:
        """Take the next batch, and start its loss at 0."""

    def begin(self) -> None:
        """Prepare a step; call it before the step's first action."""

    def forward(self, microbatch: int, chunk: int, received: Sequence[Payload]) -> Payload | None:
        """Run F; what the stages above need, or ``None`` if there are none."""

    def forward_many(
        self, slices: Sequence[At], received: Sequence[Sequence[Payload]]
    ) -> Sequence[Payload | None]:
        """Run ``forward`` on several slices, in this order."""

    def backward(self, microbatch: int, chunk: int, received: Sequence[Payload]) -> Sequence[Payload]:
        """Run B and add to the parameters' gradients; for each stage below, the gradients of what it gave."""

    def backward_input(self, microbatch: int, chunk: int, received: Sequence[Payload]) -> Sequence[Payload]:
        """Run I; like ``backward``, but the parameters' gradients may be put off."""

    def backward_input_many(
        self, slices: Sequence[At], received: Sequence[Sequence[Payload]]
    ) -> Sequence[Sequence[Payload]]:
        """Run ``backward_input`` on several slices, in this order."""

    def backward_weight(self, slices: Sequence[At]) -> None:
        """Run W: add the parameters' gradients that these slices put off."""

    def finish(self) -> None:
        """Complete all parameters' gradients, after a step's last action. A second call changes nothing."""
