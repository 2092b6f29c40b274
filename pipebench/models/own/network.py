"""The user's own layers in a process: parts of them, their loss, batches and optimizer."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from pipebench.errors import UsageError
from pipebench.models.kind import Asked
from pipebench.models.network import DTYPES, NOTHING, Beside, Optimizer, Part, StepBatch, Tensors
from pipebench.models.outline import BATCHES, FormKind, Slice, whole
from pipebench.models.own.batches import Batch, batches, cut, digest, items
from pipebench.models.own.layers import OwnLayers, stateful
from pipebench.models.own.loading import load_source
from pipebench.models.own.model import Model
from pipebench.models.own.outline import OwnOutline
from pipebench.models.own.values import mapped
from pipebench.models.sgd import SGD


class OwnPart:
    """Some of the user's layers in their order; a parameter's name begins with its layer's number."""

    def __init__(self, model: Model, layers: Sequence[tuple[int, nn.Module]]) -> None:
        self._loss, self._layers = model.loss, layers
        self._stateful = [stateful(module) for _, module in layers]

    def run(
        self,
        input_: Tensors,
        state: Sequence[Any] | None,
        beside: Beside = NOTHING,  # noqa: ARG002 - the protocol's signature
    ) -> tuple[Tensors, list[Any] | None]:
        """Run layer by layer. The state is a list of the layers' states, or ``None`` if no layer has one."""
        if not any(self._stateful):
            for _, module in self._layers:
                input_ = module(input_)
            return input_, None
        after: list[Any] = []
        for number, (_, module) in enumerate(self._layers):
            if self._stateful[number]:
                input_, left = module(input_, state[number] if state is not None else None)
                after.append(left)
            else:
                input_ = module(input_)
                after.append(None)
        return input_, after

    def loss(self, output: Tensors, target: Tensors) -> Tensor:
        """The user's loss."""
        return self._loss(output, target)

    def parameters(self) -> Iterator[nn.Parameter]:
        """The parameters of all its layers."""
        for _, module in self._layers:
            yield from module.parameters()

    def modules(self) -> Iterator[nn.Module]:
        """Its layers and what they are made of."""
        for _, module in self._layers:
            yield from module.modules()

    def named(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Parameters by names such as ``3.weight``."""
        for index, module in self._layers:
            for name, parameter in module.named_parameters():
                yield f"{index}.{name}", parameter

    def kept(self) -> Iterator[tuple[str, Tensor]]:
        """Parameters and buffers by such names."""
        yield from self.named()
        for index, module in self._layers:
            for name, buffer in module.named_buffers():
                yield f"{index}.{name}", buffer


class OwnNetwork:
    """The model of a run in this process; the user's file is loaded here.

    Args:
        outline: the layers as they were described.
        asked: what the run asks of the model.
    """

    def __init__(self, outline: OwnOutline, asked: Asked) -> None:
        self.outline, self.found, self.dtype = outline, dict[str, bool](), DTYPES[asked.dtype]
        self._asked = asked
        loaded = load_source(asked.model, seed=asked.seed)
        self._model, self._described = loaded.model, outline.described
        if loaded.sha256 != self._described.sha256:
            raise UsageError(
                f"--model {asked.model}: the file was changed since the run looked at it; run again"
            )
        self._layers = OwnLayers(self._model, seed=asked.seed, dtype=asked.dtype)

    def part(self, part: Slice, device: torch.device | None = None) -> Part:
        """Make a part's layers anew, as the user's code makes them."""
        numbers = range(part.first, part.end)
        return OwnPart(self._model, [(number, self._layers.make(number, device)) for number in numbers])

    def form(self, kind: FormKind, device: torch.device | None = None) -> Part:  # noqa: ARG002 - a chain either way
        """Make the whole model: all layers, one by one."""
        return self.part(whole(self.outline), device)

    def batch(
        self,
        number: int,
        *,
        microbatches: int = 1,
        chunks: int | None = None,
        device: torch.device | None = None,
    ) -> StepBatch:
        """A fixed batch, cut along the model's dimensions."""
        batch = self._batches[number]

        def sliced(value: Any) -> list[list[Tensors]]:
            there = mapped(value, lambda tensor: tensor.to(device)) if device is not None else value
            return cut(
                there,
                batch_dimension=self._model.batch_dimension,
                time_dimension=self._model.time_dimension,
                microbatches=microbatches,
                chunks=chunks or 1,
            )

        counted = items(self._model, batch.target, self._asked.batch)
        return StepBatch(sliced(batch.input), sliced(batch.target), counted)

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """The user's optimizer, or plain SGD."""
        if self._model.optimizer is None:
            return SGD(parameters, self._asked.learning_rate)
        return self._model.optimizer(list(parameters))

    @cached_property
    def _batches(self) -> list[Batch]:
        asked = self._asked
        drawn = batches(self._model, size=asked.batch, seed=asked.seed, dtype=asked.dtype, count=BATCHES)
        if digest(drawn) != self._described.input_sha256:
            raise UsageError(
                f"--model {asked.model}: batch gives other values in another process for the same seed; draw from the "
                "generator that it is given (torch.randn(..., generator=generator))"
            )
        return drawn
