"""A stage: a part of the model with one method an operation, its buffers its own.

    forward   what the stages below give in (or the batch's own), what the stages above get out (or the loss)
    backward  gradients of what went out in, gradients of what came in out

Several stages above all get the same, and their gradients of it are added up in their order. Several stages below each
get the gradients of what they gave.

A checkpointed forward keeps its input and its state alone; its backward runs it again first.

In each segment of time that a stage lives in it may have others below and above. An output that nobody takes has no
gradient, and is let go.

Carry across a chunk border: the state's tensors are detached and require a gradient of their own; the gradient
that arrives there is fed into the backward of the chunk before. So gradients are those of the unsplit
sequence.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pipebench.models.edges import Edge, Edges
from pipebench.models.layout import Layout
from pipebench.models.network import Beside, Part, StepBatch
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
    ) -> None:
        self.part, self.neighbours, self.loss = part, neighbours, loss
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
            None if last_chunk else nests.mapped(_unknown if checkpointed else _cut, result.state)
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

    def backward(self, microbatch: int, chunk: int, received: Sequence[Payload]) -> list[Payload]:
        """Add to the parameters' gradients; for each stage below the gradients of what it gave."""
        slot = microbatch * self.chunks + chunk
        saved, self._saved[slot] = self._saved[slot], None
        assert saved is not None, "a backward needs its forward"
        here = self._here(microbatch, chunk)
        result = saved.result or self._run(here, microbatch, chunk, saved.input_, saved.state_before)
        outputs: list[Tensor] = _with_gradients(here, result.output)
        gradients: list[Tensor | None] = [*_added_up(received)] if received else [None] * len(outputs)
        if here.above is not None and not all(tensor.requires_grad for tensor in outputs):
            outputs, gradients = _that_lead_back(outputs, gradients)
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
        came_in = iter(saved.input_)
        return [
            tuple(
                _or_zeros(tensor)
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
            for tensor in _leaves(payload, edge, self.loss.device)
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


def _that_lead_back(
    outputs: Sequence[Tensor], gradients: Sequence[Tensor | None]
) -> tuple[list[Tensor], list[Tensor | None]]:
    """Without the outputs that nothing was computed for, such as those of a slice that no sentence has begun in."""
    pairs = [(t, g) for t, g in zip(outputs, gradients, strict=True) if t.requires_grad]
    return [output for output, _ in pairs], [gradient for _, gradient in pairs]


def stages_of(
    parts: Mapping[int, Part],
    layout: Layout,
    edges: Edges,
    graph: Graph,
    *,
    checkpoint: str,
    dtype: torch.dtype,
    device: torch.device | None,
) -> dict[int, Stage]:
    """The stages that these parts are."""
    return {
        stage: Stage(
            part,
            [_neighbours(stage, segment, layout, edges, graph) for segment in range(graph.segments)],
            loss=torch.zeros((), dtype=dtype, device=device),
            microbatches=graph.microbatches,
            chunks=graph.chunks,
            checkpoint=checkpoint,
        )
        for stage, part in parts.items()
    }


def _neighbours(stage: int, segment: int, layout: Layout, edges: Edges, graph: Graph) -> Neighbours:
    """Those that live in this segment of time."""
    above = [other for other in graph.feeds[stage] if segment in graph.lives[other]]
    return Neighbours(
        [edges[other, stage] for other in graph.fed_by(stage) if segment in graph.lives[other]],
        edges[stage, above[0]] if above else None,
        closes=layout.parts[stage].closes and segment == graph.segments - 1,
    )


def _leaves(payload: Payload, edge: Edge, device: torch.device) -> Iterator[Tensor]:
    """A message's tensors, and zeros in the place of those that are not sent, whose gradients can be collected."""
    sent = iter(payload)
    for spec in edge.tensors:
        tensor = (
            next(sent).detach()
            if spec.sent
            else torch.zeros(spec.shape, dtype=getattr(torch, spec.dtype), device=device)
        )
        yield tensor.requires_grad_(spec.gradient)


def _added_up(payloads: Sequence[Payload]) -> Payload:
    """The gradients of several stages, in their order; nobody's tensors are written into."""
    first, *others = payloads
    if not others:
        return first
    totals = tuple(a + b for a, b in zip(first, others[0], strict=True))
    for payload in others[1:]:
        for total, gradient in zip(totals, payload, strict=True):
            total.add_(gradient)
    return totals


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
