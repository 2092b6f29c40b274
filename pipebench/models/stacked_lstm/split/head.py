"""Projection and cross-entropy, split: the forward already computes the gradient of the logits.

So I is one product with that gradient, and W is one product over all rows that wait.

Shape suffixes: T time steps of the chunk, B sequences, N rows: T * B, H hidden, V vocabulary.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from pipebench.models.network import StepBatch
from pipebench.models.split import At
from pipebench.models.split_projection import SplitProjection
from pipebench.models.split_targets import Targets
from pipebench.models.stacked_lstm.split.products import Products
from pipebench.models.stacked_lstm.split.runs import runs_of


class HeadChunk:
    """Views of one chunk's rows: the inputs, and the gradient of the logits (``gradient_NV``)."""

    def __init__(self, hidden_NH: Tensor, gradient_NV: Tensor, steps: int) -> None:
        self.hidden_NH, self.gradient_NV = hidden_NH, gradient_NV
        self.hidden_TBH = hidden_NH.view(steps, -1, hidden_NH.shape[1])


class HeadBuffers:
    """What the head keeps of one microbatch's chunks; made once."""

    def __init__(self, chunks: int, steps: int, batch: int, like: Tensor) -> None:
        vocab, hidden = like.shape
        self.rows = steps * batch
        empty = like.detach().new_empty
        self.hidden_NH = empty(chunks * self.rows, hidden)
        self.gradient_NV = empty(chunks * self.rows, vocab)
        both = [torch.split(tensor, self.rows) for tensor in (self.hidden_NH, self.gradient_NV)]
        self.chunks = [
            HeadChunk(hidden_NH, gradient_NV, steps) for hidden_NH, gradient_NV in zip(*both, strict=True)
        ]

    def between(self, first: int, end: int) -> tuple[Tensor, Tensor]:
        """The rows of chunks ``first`` to ``end - 1``: the logits' gradients, and the inputs."""
        rows = slice(first * self.rows, end * self.rows)
        return self.gradient_NV[rows], self.hidden_NH[rows]


class SplitHead:
    """The projection and the loss at the end of a model.

    Args:
        projection: the linear layer from hidden to the vocabulary.
        products: by which library.
        rows: of a chunk.
    """

    def __init__(self, projection: nn.Linear, products: Products, rows: int) -> None:
        self._like = projection.weight
        self._projection = SplitProjection(projection, products, rows)
        self._targets: Targets

    def buffers(self, chunks: int, steps: int, batch: int) -> HeadBuffers:
        """Make the buffers of a microbatch with so many chunks of ``steps`` time steps."""
        return HeadBuffers(chunks, steps, batch, self._like)

    def begin(self, batch: StepBatch) -> None:
        """Prepare a step on this batch; call it before the step's first forward."""
        self._projection.refresh()
        self._targets = Targets(batch, self._like.dtype)

    def forward(self, chunk: HeadChunk, at: At, hidden_TBH: Tensor) -> Tensor:
        """The slice's share of the step's loss, a scalar."""
        chunk.hidden_TBH.copy_(hidden_TBH)
        words_N1, weights_N1 = self._targets.words(at), self._targets.weights(at)
        logits_NV, gradient_NV = self._projection.forward(chunk.hidden_NH), chunk.gradient_NV
        torch.log_softmax(logits_NV, 1, out=gradient_NV)
        loss = torch.dot(gradient_NV.gather(1, words_N1).view(-1), weights_N1.view(-1)).neg_()
        gradient_NV.exp_().mul_(weights_N1).scatter_add_(1, words_N1, -weights_N1)
        return loss

    def backward_input(self, chunk: HeadChunk) -> Tensor:
        """The gradient of the input [T, B, H]."""
        return self._projection.backward_input(chunk.gradient_NV).view_as(chunk.hidden_TBH)

    def backward_weight(self, pending: Iterable[tuple[HeadBuffers, int]]) -> None:
        """Add the parameters' gradients to a running total; ``pending``: the buffers and number of each chunk."""
        pieces = [buffers.between(first, end) for buffers, first, end in runs_of(pending)]
        if len(pieces) == 1:
            self._projection.backward_weight(*pieces[0])
        elif pieces:
            self._projection.backward_weight(*map(torch.cat, zip(*pieces, strict=True)))

    def finish(self) -> None:
        """Add the running total to the parameters' gradients; call it after a step's last W."""
        self._projection.finish()
