"""A model in a process: how its parts are built, and what a step takes.

A part is a slice of the model, or the whole of it in one of its single-device forms. It is run as

    output, state = part.run(input, state, beside)

where input and output are a tensor or a tuple of tensors, and the state is any nest of tensors (``None`` at first).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn

from pipebench.models.edges import Steps
from pipebench.models.outline import FormKind, Outline, Slice
from pipebench.models.shards import Pieces, piece

DTYPES = {"float32": torch.float32, "float64": torch.float64}

_T = TypeVar("_T")

Tensors = Any  # a tensor or a tuple of tensors
Gradients = dict[str, Tensor | None]  # a tensor of each parameter, by its name; None where it has none


class StepBatch(NamedTuple):
    """One step's batch: ``inputs[m][c]``, ``targets[m][c]``, and how many items the whole batch counts.

    The batch's loss is the sum over its items divided by ``shared_by``, by default by the number of items. If slices
    differ in length, ``steps`` says how many time steps each one has.
    """

    inputs: list[list[Tensors]]
    targets: list[list[Tensors]]
    items: float
    shared_by: float | None = None
    steps: Steps | None = None

    @property
    def divisor(self) -> float:
        """The number that the sum of losses is divided by."""
        return self.items if self.shared_by is None else self.shared_by


class Beside(NamedTuple):
    """What a part is told about its slice besides the input.

    ``segment`` is the segment of time that the slice is in, ``target`` the slice's target, and ``weight`` the weight of
    one item in the step's loss.
    """

    segment: int = 0
    target: Tensors = None
    weight: float = 0.0


NOTHING = Beside()


class Part(Protocol):
    """A slice of the model with its parameters, or the whole of it."""

    def run(self, input_: Tensors, state: Any, beside: Beside) -> tuple[Tensors, Any]:
        """Run the forward on one slice, from the state that the chunk before it left; returns output and state."""

    def loss(self, output: Tensors, target: Tensors) -> Tensor:
        """The loss, summed over the items of a slice. Only the part that ends the model has one."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """All parameters, trained or not."""

    def modules(self) -> Iterator[nn.Module]:
        """All modules that the part is made of; a module may come more than once."""

    def named(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Parameters by names that do not depend on how the model is cut."""

    def kept(self) -> Iterator[tuple[str, Tensor]]:
        """Parameters and buffers, by such names too."""


class Optimizer(Protocol):
    """Updates the parameters of one device."""

    def zero_grad(self) -> None:
        """Free all gradients."""

    def step(self) -> object:
        """Update all parameters that have a gradient."""


@runtime_checkable
class Clipper(Protocol):
    """An optimizer that limits the norm of all gradients; by itself it knows only those of its own parameters."""

    def squared_norm(self) -> Tensor:
        """The square of the norm of its own parameters' gradients, float64 [1]."""

    def clip(self, squared_norm: Tensor) -> None:
        """Take note of the square of the norm of all gradients, for the next update."""


class Network(Protocol):
    """The model of a run in this process. The same one makes baseline and pipeline, each with parameters of its own."""

    found: dict[str, bool]  # which choices were found to be best here, by name
    dtype: torch.dtype

    @property
    def outline(self) -> Outline:
        """The model on paper."""

    def part(self, part: Slice, device: torch.device | None = None) -> Part:
        """Make a slice of the model, with its first parameters."""

    def form(self, kind: FormKind, device: torch.device | None = None) -> Part:
        """Make the whole model as a single device runs it, with the same first parameters."""

    def batch(
        self,
        number: int,
        *,
        microbatches: int = 1,
        chunks: int | None = None,
        device: torch.device | None = None,
    ) -> StepBatch:
        """A fixed batch, cut into slices.

        ``chunks`` is the number of chunks in each segment of time; ``None`` leaves time whole, for a single device.
        """

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """Make the optimizer of one device's parameters."""


def beyond(optimizer: Optimizer, trained: Sequence[nn.Parameter]) -> list[nn.Parameter]:
    """The trained parameters that an optimizer does not hold, so that it does not free their gradients."""
    groups = getattr(optimizer, "param_groups", None)
    if groups is None:
        return []
    taken = {id(parameter) for group in groups for parameter in group["params"]}
    return [parameter for parameter in trained if id(parameter) not in taken]


def gradients_of(part: Part) -> Gradients:
    """Every trained parameter's gradient by name; a gradient may be sparse."""
    return {name: parameter.grad for name, parameter in part.named() if parameter.requires_grad}


def parameters_of(part: Part) -> Gradients:
    """Every parameter's values by name."""
    return {name: parameter.detach() for name, parameter in part.named()}


def cut(named: Iterable[tuple[str, Tensor]], pieces: Pieces) -> Iterator[tuple[str, Tensor]]:
    """Tensors by name; those that devices share come in pieces, each with a name of its own."""
    for name, tensor in named:
        if name not in pieces:
            yield name, tensor
        for rows in pieces.get(name, ()):
            yield piece(name, rows), tensor[rows.first : rows.end]


def joined(found: Mapping[str, Tensor | None], pieces: Pieces) -> Gradients:
    """The opposite of ``cut``: whole tensors by name. Those that were in pieces are in host memory."""
    whole = dict(found)
    for name, all_rows in pieces.items():
        parts = [whole.pop(piece(name, rows), None) for rows in all_rows]
        there = [part.detach().cpu() for part in parts if part is not None]
        assert len(there) in (0, len(parts)), f"all shards of {name} are trained, or none"
        whole[name] = torch.cat(there) if there else None
    return whole


def merged(found: Iterable[dict[str, _T]]) -> dict[str, _T]:
    """Join dictionaries of several parts of a model into one."""
    return {name: value for each in found for name, value in each.items()}
