"""A stage: a slice of the model with one method an operation, its buffers its own.

    forward   words or activations in, activations (or the loss) out
    backward  gradient of the output in, gradient of the input out

Carry across a chunk border: the state (h, c) is detached and requires a gradient of its own; the gradient
that arrives there is fed into the backward of the chunk before. So gradients are those of the unsplit
sequence.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from pipebench.models.stacked_lstm import DTYPES, StackedLSTM, State
from pipebench.runtime.batches import StepBatch


class _Saved(NamedTuple):
    """What a forward leaves for its backward."""

    input_: Tensor
    states_before: list[State | None]
    output: Tensor
    states_after: list[State]


class Stage:
    """Runs the actions of one stage on the batch it was given last."""

    def __init__(self, model: StackedLSTM, *, microbatches: int, chunks: int) -> None:
        self.model = model
        self.chunks = chunks
        self.loss = torch.zeros((), dtype=DTYPES[model.workload.dtype])
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
        output, after = self.model.hidden_states(input_, before)
        self._carried[microbatch] = [_cut(state) for state in after] if chunk < self.chunks - 1 else None
        if self.model.projection is not None:
            output = self.model.loss(output, self._batch.targets[microbatch][chunk], self._batch.words)
            self.loss += output.detach()
        self._saved[slot] = _Saved(input_, before, output, after)
        return None if self.model.projection is not None else output.detach()

    def backward(self, microbatch: int, chunk: int, gradient_TBH: Tensor | None) -> Tensor | None:
        """Add to the parameters' gradients; the gradient of the input, or ``None`` for words."""
        slot = microbatch * self.chunks + chunk
        saved, self._saved[slot] = self._saved[slot], None
        assert saved is not None, "a backward needs its forward"
        outputs: list[Tensor] = [saved.output]
        gradients: list[Tensor | None] = [gradient_TBH]
        carried = self._carried_gradients[microbatch]
        if carried is not None:
            outputs += [tensor for state in saved.states_after for tensor in state]
            gradients += carried
        torch.autograd.backward(outputs, gradients)
        from_state = [_gradient(tensor) for state in saved.states_before if state for tensor in state]
        self._carried_gradients[microbatch] = from_state or None
        return saved.input_.grad


def _cut(state: State) -> State:
    """The state as a new leaf, so that its gradient can be collected."""
    hidden, cell = state
    return hidden.detach().requires_grad_(), cell.detach().requires_grad_()


def _gradient(tensor: Tensor) -> Tensor:
    assert tensor.grad is not None
    return tensor.grad
