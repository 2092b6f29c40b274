"""A stage whose part has its backward in halves; it takes and gives what ``Stage`` does, so both can be neighbours.

    forward          F   forward of one slice
    backward_input   I   what the stages below wait for
    backward_weight  W   the weights' gradients of one slice or more, at any time after their I
    backward         B   I and then W

``forward_many`` and ``backward_input_many`` run several slices together.
"""

from collections.abc import Sequence

from torch import Tensor

from pipebench.models.network import Part, StepBatch
from pipebench.models.split import At, Payload, Split

_NOTHING, _FORWARD, _INPUT = range(3)  # what has been done of a slice


class SplitStage:
    """Runs the actions of one stage on the batch it was given last.

    Args:
        part: the part of the model, which has the parameters.
        split: what computes the part.
        loss: a tensor that sums up the loss of a step.
        microbatches: their number in the plan.
        chunks: their number in the plan.
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
        """Prepare a step; call it before the step's first action."""
        self.split.begin()

    def forward(self, microbatch: int, chunk: int, received: Sequence[Payload]) -> Payload | None:
        """Run F; what the stages above need, or ``None`` if there are none. The last stage adds up its loss."""
        return self.forward_many([(microbatch, chunk)], [received])[0]

    def forward_many(
        self, slices: Sequence[At], received: Sequence[Sequence[Payload]]
    ) -> list[Payload | None]:
        """Run ``forward`` on several slices, in this order."""
        self._step(slices, _NOTHING, _FORWARD, "a forward is run once")
        return [self._given(each) for each in self.split.forward(slices, received)]

    def _given(self, result: Payload | Tensor) -> Payload | None:
        """The result if it is a payload; a share of the loss is added up, and gives ``None``."""
        if isinstance(result, tuple):
            return result
        self.loss += result
        return None

    def backward(self, microbatch: int, chunk: int, received: Sequence[Payload]) -> list[Payload]:
        """Run B and add to the parameters' gradients; for each stage below, the gradients of what it gave."""
        found = self.backward_input(microbatch, chunk, received)
        self.backward_weight([(microbatch, chunk)])
        return found

    def backward_input(self, microbatch: int, chunk: int, received: Sequence[Payload]) -> list[Payload]:
        """Run I; for each stage below, the gradients of what it gave. The slice then waits for its W."""
        return self.backward_input_many([(microbatch, chunk)], [received])[0]

    def backward_input_many(
        self, slices: Sequence[At], received: Sequence[Sequence[Payload]]
    ) -> Sequence[list[Payload]]:
        """Run ``backward_input`` on several slices, in this order."""
        self._step(slices, _FORWARD, _INPUT, "a backward needs its forward")
        return self.split.backward_input(slices, received)

    def backward_weight(self, slices: Sequence[At]) -> None:
        """Run W: add to the parameters' gradients, for slices that have had their I."""
        self._step(slices, _INPUT, _NOTHING, "a backward of the weights needs that of the input")
        self.split.backward_weight(slices)

    def finish(self) -> None:
        """Complete the parameters' gradients; call it after the step's last action."""
        self.split.finish()

    def _step(self, slices: Sequence[At], before: int, after: int, wrong: str) -> None:
        """Note that the slices go from state ``before`` to state ``after``."""
        for microbatch, chunk in slices:
            slot = microbatch * self.chunks + chunk
            assert self._done[slot] == before, wrong
            self._done[slot] = after
