"""A stage: a part of the model with one method an operation, its buffers its own.

    forward          what the stages below give in (or the batch's own), what the stages above get out (or the loss)
    backward         gradients of what went out in, gradients of what came in out; the parameters' are added to
    backward_input   the same, but those of the weights that can wait are put off
    backward_weight  those that were put off, of several slices at once

Several stages above all get the same, and their gradients of it are added up in their order. Several stages below each
get the gradients of what they gave.

A checkpointed forward keeps its input and its state alone; its backward runs it again first.

In each segment of time that a stage lives in it may have others below and above. An output that nobody takes has no
gradient, and is let go.

The carry of one microbatch from chunk to chunk. Autograd sees each chunk as a graph of its own. At a border (┆) the
state is cut: the next chunk gets the same values as new leaves. The gradient that arrives at the leaves is given to the
backward of the chunk before. So the gradients are those of the sequence that nobody has cut.

    forward, chunk 0 first         in 0              in 1              in 2
                                     |                 |                 |
                       no state -> run 0 -> s  ┆  s -> run 1 -> t  ┆  t -> run 2 -> a state that nobody needs
                                     |                 |                 |
                                   out 0             out 1             out 2, or the loss

    backward, chunk 2 first     grad out 0        grad out 1        grad out 2
                                     |                 |                 |
                        nothing <- run 0 <- ds ┆ ds <- run 1 <- dt ┆ dt <- run 2
                                     |                 |                 |
                                 grad in 0         grad in 1         grad in 2

    _carried[m]              the cut state, s or t, from one forward to the next
    _carried_gradients[m]    its gradients, dt or ds, from one backward to the next
    _saved[m, c]             input, cut state before and result of a forward, until its backward
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pipebench.engine import leaves, nests
from pipebench.models.deferred.weights import Deferred, SliceKey
from pipebench.models.edges import Edge
from pipebench.models.network import Beside, Part, StepBatch
from pipebench.plan.checkpoints import is_checkpointed

Payload = tuple[Tensor, ...]  # what one message carries


class _Saved(NamedTuple):
    """What a forward leaves for its backward; ``result`` is ``None`` where the backward makes it anew."""

    input_: Payload
    state_before: Any
    result: "_Result | None"


class _Result(NamedTuple):
    """What a forward computes: what goes out, or the loss alone, or nothing that anybody takes; and the state."""

    output: Payload
    state: Any


class Neighbours(NamedTuple):
    """Of a stage in one segment of time.

    ``below`` is what each stage below gives for a slice; none: the batch is its input. ``above`` is what this one gives
    to each one above; ``None``: nobody takes it, and where it ``closes`` the model it is the loss.
    """

    below: Sequence[Edge]
    above: Edge | None
    closes: bool


class Stage:
    """Runs the actions of one stage on the batch it was given last.

    Args:
        part: of the model.
        neighbours: in each segment of time.
        loss: a tensor that the loss of a step is added up in.
        microbatches: of the plan.
        chunks: of the plan, in all segments together.
        checkpoint: which microbatches keep only their input; see ``plan.checkpoints``.
        deferred: of the part; ``None``: nothing is put off, and ``backward_weight`` has nothing to do.
    """

    def __init__(
        self,
        part: Part,
        neighbours: Sequence[Neighbours],
        *,
        loss: Tensor,
        microbatches: int,
        chunks: int,
        checkpoint: str = "none",
        deferred: Deferred | None = None,
    ) -> None:
        self.part, self.neighbours, self.loss, self.deferred = part, neighbours, loss, deferred
        self.chunks, self._chunks_each = chunks, chunks // len(neighbours)
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
        assert self.deferred is None or not self.deferred.waits, "weights of the last step still wait"
        self._batch = batch
        self.loss.zero_()

    def begin(self) -> None:
        """Of a step, before its first action: nothing to make ready."""

    def finish(self) -> None:
        """Of a step, after its last action: autograd has put all gradients where they belong."""

    def forward(self, microbatch: int, chunk: int, received: Sequence[Payload]) -> Payload | None:
        """What the stages above need, detached; ``None`` where there are none. The last one adds up its loss."""
        slot = microbatch * self.chunks + chunk
        here = self._here(microbatch, chunk)
        input_ = self._input(here, microbatch, chunk, received)
        before = self._carried[microbatch]
        checkpointed = self._checkpointed[microbatch]
        with torch.set_grad_enabled(not checkpointed):
            result = self._run(here, microbatch, chunk, input_, before)
        last_chunk = chunk == self.chunks - 1
        self._carried[microbatch] = (
            None if last_chunk else nests.mapped(leaves.unknown if checkpointed else leaves.cut, result.state)
        )
        self._saved[slot] = _Saved(input_, before, None if checkpointed else result)
        if here.above is not None:
            return tuple(
                tensor.detach()
                for tensor, spec in zip(result.output, here.above.tensors, strict=True)
                if spec.sent
            )
        if here.closes:
            self.loss += result.output[0].detach()
        return None

    def forward_many(
        self, slices: Sequence[SliceKey], received: Sequence[Sequence[Payload]]
    ) -> list[Payload | None]:
        """One after the other, in this order."""
        return [self.forward(*each, given) for each, given in zip(slices, received, strict=True)]

    def backward(self, microbatch: int, chunk: int, received: Sequence[Payload]) -> list[Payload]:
        """Add to the parameters' gradients; for each stage below the gradients of what it gave."""
        return self._backward(microbatch, chunk, received, nullcontext())

    def backward_input(self, microbatch: int, chunk: int, received: Sequence[Payload]) -> list[Payload]:
        """The same, but the slice then waits for ``backward_weight``."""
        putting_off = self.deferred.on((microbatch, chunk)) if self.deferred is not None else nullcontext()
        return self._backward(microbatch, chunk, received, putting_off)

    def backward_input_many(
        self, slices: Sequence[SliceKey], received: Sequence[Sequence[Payload]]
    ) -> list[list[Payload]]:
        """One after the other, in this order: of a microbatch the last chunk first."""
        return [self.backward_input(*each, given) for each, given in zip(slices, received, strict=True)]

    def backward_weight(self, slices: Sequence[SliceKey]) -> None:
        """Add to the parameters' gradients what these slices put off, in any order."""
        if self.deferred is not None:
            self.deferred.weights(slices)

    def _backward(
        self,
        microbatch: int,
        chunk: int,
        received: Sequence[Payload],
        putting_off: AbstractContextManager[None],
    ) -> list[Payload]:
        slot = microbatch * self.chunks + chunk
        saved, self._saved[slot] = self._saved[slot], None
        assert saved is not None, "a backward needs its forward"
        here = self._here(microbatch, chunk)
        result = saved.result or self._run(here, microbatch, chunk, saved.input_, saved.state_before)
        outputs: list[Tensor] = _with_gradients(here, result.output)
        gradients: list[Tensor | None] = [*leaves.added_up(received)] if received else [None] * len(outputs)
        if here.above is not None and not all(tensor.requires_grad for tensor in outputs):
            outputs, gradients = leaves.that_lead_back(outputs, gradients)
        carried = self._carried_gradients[microbatch]
        if carried is not None:
            for tensor, gradient in zip(nests.tensors(result.state), carried, strict=True):
                if gradient is not None and tensor.requires_grad:
                    outputs.append(tensor)
                    gradients.append(gradient)
        with putting_off:
            if outputs:
                torch.autograd.backward(outputs, gradients)
        self._carried_gradients[microbatch] = [
            _gradient(t) for t in nests.tensors(saved.state_before)
        ] or None
        came_in = iter(saved.input_)
        return [
            tuple(
                leaves.or_zeros(tensor)
                for tensor, spec in [(next(came_in), spec) for spec in edge.tensors]
                if spec.gradient
            )
            for edge in here.below
        ]

    def _here(self, microbatch: int, chunk: int) -> Neighbours:
        """The neighbours of a slice, with what is given for as many steps as it has."""
        found = self.neighbours[chunk // self._chunks_each]
        assert self._batch is not None
        if self._batch.steps is None:
            return found
        steps = self._batch.steps[microbatch][chunk]
        return Neighbours(
            [edge.at(steps) for edge in found.below],
            None if found.above is None else found.above.at(steps),
            found.closes,
        )

    def _input(self, here: Neighbours, microbatch: int, chunk: int, received: Sequence[Payload]) -> Payload:
        """What came in, as leaves whose gradients can be collected; the batch's own tensors need none."""
        if not here.below:
            assert self._batch is not None
            input_ = self._batch.inputs[microbatch][chunk]
            return input_ if isinstance(input_, tuple) else (input_,)
        return tuple(
            tensor
            for payload, edge in zip(received, here.below, strict=True)
            for tensor in leaves.leaves_of(payload, edge, self.loss.device)
        )

    def _run(self, here: Neighbours, microbatch: int, chunk: int, input_: Payload, before: Any) -> _Result:
        """The forward itself: what goes out, or the slice's share of the loss."""
        assert self._batch is not None
        target, divisor = self._batch.targets[microbatch][chunk], self._batch.divisor
        given = input_ if self._is_packed(here, microbatch, chunk) else input_[0]
        beside = Beside(chunk // self._chunks_each, target, 1 / divisor)
        output, state = self.part.run(given, before, beside)
        if here.closes:
            return _Result((self.part.loss(output, target) / divisor,), state)
        if here.above is None:
            return _Result((), state)
        return _Result(output if isinstance(output, tuple) else (output,), state)

    def _is_packed(self, here: Neighbours, microbatch: int, chunk: int) -> bool:
        """Whether the part takes a tuple, be it of one tensor."""
        assert self._batch is not None
        if not here.below:
            return isinstance(self._batch.inputs[microbatch][chunk], tuple)
        return len(here.below) > 1 or here.below[0].packed


def _with_gradients(here: Neighbours, output: Payload) -> list[Tensor]:
    """The outputs that a gradient comes back for, or the loss."""
    if here.above is None:
        return [*output]
    return [t for t, spec in zip(output, here.above.tensors, strict=True) if spec.gradient]


def _gradient(tensor: Tensor) -> Tensor | None:
    """What arrived at a tensor of the state."""
    return tensor.grad
