"""A stage: a part of the model with one method an operation, its buffers its own.

    forward   what the stage below gives in (or the batch's own), what the stage above gets out (or the loss)
    backward  gradients of what went out in, gradients of what came in out

A checkpointed forward keeps its input and its state alone; its backward runs it again first.

Carry across a chunk border: the state's tensors are detached and require a gradient of their own; the gradient
that arrives there is fed into the backward of the chunk before. So gradients are those of the unsplit
sequence.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pipebench.models.edges import Edge
from pipebench.models.network import Part, StepBatch
from pipebench.plan.checkpoints import is_checkpointed
from pipebench.plan.graph import Graph
from pipebench.runtime import nests

Payload = tuple[Tensor, ...]  # what one message carries


class _Saved(NamedTuple):
    """What a forward leaves for its backward; ``result`` is ``None`` where the backward makes it anew."""

    input_: Payload
    state_before: Any
    result: "_Result | None"


class _Result(NamedTuple):
    """What a forward computes: what goes out, or the loss alone, and the state."""

    output: Payload
    state: Any


class Stage:
    """Runs the actions of one stage on the batch it was given last.

    Args:
        part: of the model.
        below: what the stage below gives for a slice; ``None``: the batch is its input.
        above: what this one gives; ``None``: it computes the loss.
        loss: a tensor that the loss of a step is added up in.
        microbatches: of the plan.
        chunks: of the plan.
        checkpoint: which microbatches keep only their input; see ``plan.checkpoints``.
    """

    def __init__(
        self,
        part: Part,
        *,
        below: Edge | None,
        above: Edge | None,
        loss: Tensor,
        microbatches: int,
        chunks: int,
        checkpoint: str = "none",
    ) -> None:
        self.part, self.below, self.above, self.loss = part, below, above, loss
        self.chunks = chunks
        self._checkpointed = [is_checkpointed(checkpoint, m, microbatches) for m in range(microbatches)]
        self._batch: StepBatch | None = None
        # Slots and one sum, not dictionaries and lists of losses: what is allocated in the midst of a step's
        # large tensors and lives on splits the heap, and costs the next whole-batch step new pages.
        self._saved: list[_Saved | None] = [None] * (microbatches * chunks)
        self._carried: list[Any] = [None] * microbatches
        self._carried_gradients: list[list[Tensor | None] | None] = [None] * microbatches

    def load(self, batch: StepBatch) -> None:
        """Take the next batch, and start its loss at 0."""
        assert not any(self._saved), "a forward of the last step was never followed by its backward"
        self._batch = batch
        self.loss.zero_()

    def forward(self, microbatch: int, chunk: int, received: Payload | None) -> Payload | None:
        """What the stage above needs, detached; ``None`` from the last stage, which adds up its loss."""
        slot = microbatch * self.chunks + chunk
        input_ = self._input(microbatch, chunk, received)
        before = self._carried[microbatch]
        checkpointed = self._checkpointed[microbatch]
        with torch.set_grad_enabled(not checkpointed):
            result = self._run(microbatch, chunk, input_, before)
        last_chunk = chunk == self.chunks - 1
        self._carried[microbatch] = (
            None if last_chunk else nests.mapped(_unknown if checkpointed else _cut, result.state)
        )
        self._saved[slot] = _Saved(input_, before, None if checkpointed else result)
        if self.above is not None:
            return tuple(tensor.detach() for tensor in result.output)
        self.loss += result.output[0].detach()
        return None

    def backward(self, microbatch: int, chunk: int, received: Payload | None) -> Payload | None:
        """Add to the parameters' gradients; the gradients of what came in, or ``None`` if the batch did."""
        slot = microbatch * self.chunks + chunk
        saved, self._saved[slot] = self._saved[slot], None
        assert saved is not None, "a backward needs its forward"
        result = saved.result or self._run(microbatch, chunk, saved.input_, saved.state_before)
        outputs: list[Tensor] = self._with_gradients(result.output)
        gradients: list[Tensor | None] = [None] if received is None else [*received]
        carried = self._carried_gradients[microbatch]
        if carried is not None:
            for tensor, gradient in zip(nests.tensors(result.state), carried, strict=True):
                if gradient is not None and tensor.requires_grad:
                    outputs.append(tensor)
                    gradients.append(gradient)
        if outputs:
            torch.autograd.backward(outputs, gradients)
        self._carried_gradients[microbatch] = [
            _gradient(t) for t in nests.tensors(saved.state_before)
        ] or None
        if self.below is None:
            return None
        return tuple(_or_zeros(tensor) for tensor in saved.input_ if tensor.requires_grad)

    def _input(self, microbatch: int, chunk: int, received: Payload | None) -> Payload:
        """What came in, as leaves whose gradients can be collected; the batch's own tensors need none."""
        if received is None or self.below is None:
            assert self._batch is not None
            input_ = self._batch.inputs[microbatch][chunk]
            return input_ if isinstance(input_, tuple) else (input_,)
        return tuple(
            tensor.detach().requires_grad_(spec.gradient)
            for tensor, spec in zip(received, self.below.tensors, strict=True)
        )

    def _run(self, microbatch: int, chunk: int, input_: Payload, before: Any) -> _Result:
        """The forward itself: what goes out, or the slice's share of the loss."""
        assert self._batch is not None
        packed = (
            isinstance(self._batch.inputs[microbatch][chunk], tuple)
            if self.below is None
            else self.below.packed
        )
        output, state = self.part.run(input_ if packed else input_[0], before)
        if self.above is None:
            loss = self.part.loss(output, self._batch.targets[microbatch][chunk])
            return _Result((loss / self._batch.items,), state)
        return _Result(output if isinstance(output, tuple) else (output,), state)

    def _with_gradients(self, output: Payload) -> list[Tensor]:
        """The outputs that a gradient comes back for."""
        if self.above is None:
            return [*output]
        return [t for t, spec in zip(output, self.above.tensors, strict=True) if spec.gradient]


def stages_of(
    parts: Mapping[int, Part],
    edges: Sequence[Edge],
    graph: Graph,
    *,
    checkpoint: str,
    dtype: torch.dtype,
    device: torch.device | None,
) -> dict[int, Stage]:
    """The stages that these parts are, where ``edges[s]`` lies between the stages s and s + 1."""
    between = [None, *edges, None]
    return {
        stage: Stage(
            part,
            below=between[stage],
            above=between[stage + 1],
            loss=torch.zeros((), dtype=dtype, device=device),
            microbatches=graph.microbatches,
            chunks=graph.chunks,
            checkpoint=checkpoint,
        )
        for stage, part in parts.items()
    }


def _cut(tensor: Tensor) -> Tensor:
    """A tensor of the state as a new leaf, so that its gradient can be collected where it has one."""
    return tensor.detach().requires_grad_(tensor.requires_grad)


def _unknown(tensor: Tensor) -> Tensor:
    """The same of a forward that ran without autograd: whatever can have a gradient may have one."""
    return tensor.detach().requires_grad_(tensor.is_floating_point() or tensor.is_complex())


def _gradient(tensor: Tensor) -> Tensor | None:
    """What arrived at a tensor of the state."""
    return tensor.grad


def _or_zeros(tensor: Tensor) -> Tensor:
    """The gradient of an input, zeros where the part does not use it."""
    return torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
