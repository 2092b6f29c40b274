"""A stage: a part of the model with one method for each operation.

    forward          takes what the stages below give, or the batch's tensors; gives the stages above their input, or
                     adds up the loss
    backward         takes the gradients of its outputs; gives those of its inputs, and adds to the parameters'
    backward_input   the same, but gradients of the weights that can wait are put off
    backward_weight  adds the gradients that were put off, of several slices at once

Several stages above all get the same output, and their gradients of it are added up in their order. Each of several
stages below gets the gradients of what it gave.

A checkpointed forward keeps only its input and its state. Its backward first runs it again.

The stages below and above a stage may differ from one segment of time to the next. An output that no stage takes has no
gradient, and is dropped.

The carry of one microbatch from chunk to chunk. Autograd sees each chunk as a graph of its own. At a border (┆) the
state is cut: the next chunk gets the same values as new leaves. The gradient that arrives at the leaves is given to the
backward of the chunk before. So the gradients are the same as without a cut.

    forward, chunk 0 first         in 0              in 1              in 2
                                     |                 |                 |
                       no state -> run 0 -> s  ┆  s -> run 1 -> t  ┆  t -> run 2 -> a state that is not needed
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
    """What a forward keeps for its backward; ``result`` is ``None`` if the backward computes it again."""

    input_: Payload
    state_before: Any
    result: "_Result | None"


class _Result(NamedTuple):
    """What a forward computes: the state, and what goes out, or the loss alone, or nothing if no stage takes it."""

    output: Payload
    state: Any


class Neighbours(NamedTuple):
    """The neighbours of a stage in one segment of time.

    ``below`` is what each stage below gives for a slice; if it is empty, the batch is the input. ``above`` is what this
    stage gives to each stage above; if it is ``None``, no stage takes the output. If the stage ``closes`` the model,
    the output is the loss.
    """

    below: Sequence[Edge]
    above: Edge | None
    closes: bool


class Stage:
    """Runs the actions of one stage on the batch it was given last.

    Args:
        part: the part of the model.
        neighbours: the stages below and above, in each segment of time.
        loss: a tensor that sums up the loss of a step.
        microbatches: their number in the plan.
        chunks: their number in the plan, in all segments together.
        checkpoint: which microbatches keep only their input; see ``plan.checkpoints``.
        deferred: puts off the gradients of the part's weights; ``None``: nothing is put off, and ``backward_weight``
            does nothing.
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
        # Slots and one sum, not dictionaries and lists of losses: small objects that are made among a step's large
        # tensors and outlive them split the heap, and cost the next whole-batch step new pages.
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
        """Prepare a step: there is nothing to do."""

    def finish(self) -> None:
        """Complete the gradients: there is nothing to do, since autograd has put them all in place."""

    def forward(self, microbatch: int, chunk: int, received: Sequence[Payload]) -> Payload | None:
        """Run F; what the stages above need, detached, or ``None`` without any. The last stage adds up its loss."""
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
        """Run ``forward`` on one slice after the other, in this order."""
        return [self.forward(*each, given) for each, given in zip(slices, received, strict=True)]

    def backward(self, microbatch: int, chunk: int, received: Sequence[Payload]) -> list[Payload]:
        """Run B and add to the parameters' gradients; for each stage below, the gradients of what it gave."""
        return self._backward(microbatch, chunk, received, nullcontext())

    def backward_input(self, microbatch: int, chunk: int, received: Sequence[Payload]) -> list[Payload]:
        """Run I; like ``backward``, but the slice then waits for ``backward_weight``."""
        putting_off = self.deferred.on((microbatch, chunk)) if self.deferred is not None else nullcontext()
        return self._backward(microbatch, chunk, received, putting_off)

    def backward_input_many(
        self, slices: Sequence[SliceKey], received: Sequence[Sequence[Payload]]
    ) -> list[list[Payload]]:
        """Run ``backward_input`` on one slice after the other, in this order: a microbatch's last chunk comes first."""
        return [self.backward_input(*each, given) for each, given in zip(slices, received, strict=True)]

    def backward_weight(self, slices: Sequence[SliceKey]) -> None:
        """Run W: add to the parameters' gradients what these slices put off. Slices may come in any order."""
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
        """The neighbours of a slice; their edges have as many time steps as the slice."""
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
        """The inputs of a slice as leaves that collect gradients; tensors of the batch itself collect none."""
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
        """Run the forward itself: what goes out, or the slice's share of the loss, and the new state."""
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
        """Whether the part takes a tuple of tensors, even if it has only one."""
        assert self._batch is not None
        if not here.below:
            return isinstance(self._batch.inputs[microbatch][chunk], tuple)
        return len(here.below) > 1 or here.below[0].packed


def _with_gradients(here: Neighbours, output: Payload) -> list[Tensor]:
    """The outputs that get a gradient back, or the loss."""
    if here.above is None:
        return [*output]
    return [t for t, spec in zip(output, here.above.tensors, strict=True) if spec.gradient]


def _gradient(tensor: Tensor) -> Tensor | None:
    """The gradient that a tensor of the state collected."""
    return tensor.grad
