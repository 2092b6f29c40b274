"""A stage: a slice of the model with one method an operation, its buffers its own.

    forward   words or activations in, activations (or the loss) out
    backward  gradient of the output in, gradient of the input out

A checkpointed forward keeps its input and its state alone; its backward runs it again first.

Carry across a chunk border: the state (h, c) is detached and requires a gradient of its own; the gradient
that arrives there is fed into the backward of the chunk before. So gradients are those of the unsplit
sequence.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from pipebench.models.stacked_lstm.network import DTYPES, StackedLSTM, State
from pipebench.plan.checkpoints import is_checkpointed
from pipebench.runtime.batches import StepBatch


class _Saved(NamedTuple):
    """What a forward leaves for its backward; ``result`` is ``None`` where the backward makes it anew."""

    input_: Tensor
    states_before: list[State | None]
    result: "_Result | None"


class _Result(NamedTuple):
    """What a forward computes: activations or the loss, and each layer's state."""

    output: Tensor
    states: list[State]


class Stage:
    """Runs the actions of one stage on the batch it was given last."""

    def __init__(
        self, model: StackedLSTM, *, microbatches: int, chunks: int, checkpoint: str = "none"
    ) -> None:
        self.model = model
        self.chunks = chunks
        self._checkpointed = [is_checkpointed(checkpoint, m, microbatches) for m in range(microbatches)]
        self.loss = torch.zeros((), dtype=DTYPES[model.workload.dtype], device=model.device)
        self._batch: StepBatch | None = None
        # Slots and one sum, not dictionaries and lists of losses: what is allocated in the midst of a step's
        # large tensors and lives on splits the heap, and costs the next whole-batch step new pages.
        self._saved: list[_Saved | None] = [None] * (microbatches * chunks)
        self._carried: list[list[State | None] | None] = [None] * microbatches
        self._carried_gradients: list[list[Tensor] | None] = [None] * microbatches
        self._no_states: list[State | None] = [None] * len(model.lstm)

    def load(self, batch: StepBatch) -> None:
        """Take the next batch, and start its loss at 0."""
        assert not any(self._saved), "a forward of the last step was never followed by its backward"
        self._batch = batch
        self.loss.zero_()

    def forward(self, microbatch: int, chunk: int, activations_TBH: Tensor | None) -> Tensor | None:
        """Activations for the stage above, detached; ``None`` from the last stage, which adds up its loss."""
        assert self._batch is not None
        slot = microbatch * self.chunks + chunk
        if activations_TBH is None:
            input_ = self._batch.inputs[microbatch][chunk]
        else:
            input_ = activations_TBH.detach().requires_grad_()
        before = self._carried[microbatch] or self._no_states
        checkpointed = self._checkpointed[microbatch]
        with torch.set_grad_enabled(not checkpointed):
            result = self._run(microbatch, chunk, input_, before)
        last_chunk = chunk == self.chunks - 1
        self._carried[microbatch] = None if last_chunk else [_cut(state) for state in result.states]
        self._saved[slot] = _Saved(input_, before, None if checkpointed else result)
        if self.model.projection is None:
            return result.output.detach()
        self.loss += result.output.detach()
        return None

    def backward(self, microbatch: int, chunk: int, gradient_TBH: Tensor | None) -> Tensor | None:
        """Add to the parameters' gradients; the gradient of the input, or ``None`` for words."""
        slot = microbatch * self.chunks + chunk
        saved, self._saved[slot] = self._saved[slot], None
        assert saved is not None, "a backward needs its forward"
        output, states = saved.result or self._run(microbatch, chunk, saved.input_, saved.states_before)
        outputs: list[Tensor] = [output]
        gradients: list[Tensor | None] = [gradient_TBH]
        carried = self._carried_gradients[microbatch]
        if carried is not None:
            outputs += [tensor for state in states for tensor in state]
            gradients += carried
        torch.autograd.backward(outputs, gradients)
        from_state = [_gradient(tensor) for state in saved.states_before if state for tensor in state]
        self._carried_gradients[microbatch] = from_state or None
        return saved.input_.grad

    def _run(self, microbatch: int, chunk: int, input_: Tensor, before: list[State | None]) -> _Result:
        """The forward itself: activations, or the slice's share of the loss."""
        output, states = self.model.hidden_states(input_, before)
        if self.model.projection is not None:
            assert self._batch is not None
            output = self.model.loss(output, self._batch.targets[microbatch][chunk], self._batch.words)
        return _Result(output, states)


def _cut(state: State) -> State:
    """The state as a new leaf, so that its gradient can be collected."""
    hidden, cell = state
    return hidden.detach().requires_grad_(), cell.detach().requires_grad_()


def _gradient(tensor: Tensor) -> Tensor:
    assert tensor.grad is not None
    return tensor.grad
