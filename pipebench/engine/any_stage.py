"""What the executor asks of a stage, whether autograd computes its gradients or a split cell does.

forward           F   of one slice; ``forward_many`` of several as one cell
backward          B   whole
backward_input    I   what stages below wait for; ``backward_input_many`` of several slices as one cell
backward_weight   W   of whatever slices wait, in any order
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
        """With what each neighbour gave."""


Many = Callable[[Sequence[At], Sequence[Sequence[Payload]]], Sequence[_T_co]]


class AnyStage(Protocol):
    """Runs the actions of one stage on the batch it was given last."""

    @property
    def part(self) -> Part:
        """Of the model."""

    @property
    def loss(self) -> Tensor:
        """What the loss of a step is added up in."""

    def load(self, batch: StepBatch) -> None:
        """Take the next batch, and start its loss at 0."""

    def begin(self) -> None:
        """Of a step, before its first action."""

    def forward(self, microbatch: int, chunk: int, received: Sequence[Payload]) -> Payload | None:
        """What the stages above need; ``None`` where there are none."""

    def forward_many(
        self, slices: Sequence[At], received: Sequence[Sequence[Payload]]
    ) -> Sequence[Payload | None]:
        """The same of several slices, in this order."""

    def backward(self, microbatch: int, chunk: int, received: Sequence[Payload]) -> Sequence[Payload]:
        """For each stage below the gradients of what it gave; those of the parameters too."""

    def backward_input(self, microbatch: int, chunk: int, received: Sequence[Payload]) -> Sequence[Payload]:
        """Those of the parameters are put off."""

    def backward_input_many(
        self, slices: Sequence[At], received: Sequence[Sequence[Payload]]
    ) -> Sequence[Sequence[Payload]]:
        """The same of several slices, in this order."""

    def backward_weight(self, slices: Sequence[At]) -> None:
        """The gradients of the parameters that were put off."""

    def finish(self) -> None:
        """Of a step, after its last action: all parameters' gradients are complete. A second time changes nothing."""
