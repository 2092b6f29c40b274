"""A stage whose part has its backward in halves; it takes and gives what ``Stage`` does, so both can be neighbours.

    forward          F
    backward_input   I   what the stages below wait for
    backward_weight  W   of one slice or of many, whenever there is time
    backward         B   I and W at once

Each of them takes one slice or several that run together.
"""

from collections.abc import Sequence

from torch import Tensor

from pipebench.models.network import Part, StepBatch
from pipebench.models.split import At, Payload, Split

_NOTHING, _FORWARD, _INPUT = range(3)  # what has been done of a slice


class SplitStage:
    """Runs the actions of one stage on the batch it was given last.

    Args:
        part: of the model, which has the parameters.
        split: what computes it.
        loss: a tensor that the loss of a step is added up in.
        microbatches: of the plan.
        chunks: of the plan.
    """

    def __init__(self, part: Part, split: Split, *, loss: Tensor, microbatches: int, chunks: int) -> None:
        self.part, self.split, self.loss, self.chunks = part, split, loss, chunks
        self._done = [_NOTHING] * (microbatches * chunks)

    def load(self, batch: StepBatch) -> None:
        """Take the next batch, and start its loss at 0."""
        assert not any(self._done), "a forward of the last step was never followed by its backward"
        self.split.load(batch)
        self.loss.zero_()

    def begin(self) -> None:
        """Of a step, before its first action."""
        self.split.begin()

    def forward(self, microbatch: int, chunk: int, received: Sequence[Payload]) -> Payload | None:
        """What the stages above need; ``None`` where there are none. The last one adds up its loss."""
        return self.forward_many([(microbatch, chunk)], [received])[0]

    def forward_many(
        self, slices: Sequence[At], received: Sequence[Sequence[Payload]]
    ) -> list[Payload | None]:
        """The same of several slices, in the order in which they run."""
        self._step(slices, _NOTHING, _FORWARD, "a forward is run once")
        return [self._given(each) for each in self.split.forward(slices, received)]

    def _given(self, result: Payload | Tensor) -> Payload | None:
        """A payload, or nothing where it is a share of the loss."""
        if isinstance(result, tuple):
            return result
        self.loss += result
        return None

    def backward(self, microbatch: int, chunk: int, received: Sequence[Payload]) -> list[Payload]:
        """Add to the parameters' gradients; for each stage below the gradients of what it gave."""
        found = self.backward_input(microbatch, chunk, received)
        self.backward_weight([(microbatch, chunk)])
        return found

    def backward_input(self, microbatch: int, chunk: int, received: Sequence[Payload]) -> list[Payload]:
        """For each stage below the gradients of what it gave; the slice then waits for its W."""
        return self.backward_input_many([(microbatch, chunk)], [received])[0]

    def backward_input_many(
        self, slices: Sequence[At], received: Sequence[Sequence[Payload]]
    ) -> Sequence[list[Payload]]:
        """The same of several slices, in the order in which they run."""
        self._step(slices, _FORWARD, _INPUT, "a backward needs its forward")
        return self.split.backward_input(slices, received)

    def backward_weight(self, slices: Sequence[At]) -> None:
        """Add to the parameters' gradients, over slices that have had their I."""
        self._step(slices, _INPUT, _NOTHING, "a backward of the weights needs that of the input")
        self.split.backward_weight(slices)

    def finish(self) -> None:
        """Of a step, after its last action: the parameters' gradients are complete."""
        self.split.finish()

    def _step(self, slices: Sequence[At], before: int, after: int, wrong: str) -> None:
        """Take note of what is done."""
        for microbatch, chunk in slices:
            slot = microbatch * self.chunks + chunk
            assert self._done[slot] == before, wrong
            self._done[slot] = after
