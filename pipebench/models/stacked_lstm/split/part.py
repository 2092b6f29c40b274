"""A part of the stacked LSTM whose backward is split: LSTM layers, perhaps the embedding below or the head above.

    words or activations -> [embedding] -> layers -> [projection, loss] -> activations or the loss

A part with the embedding has no stage below it that waits for a gradient. So it leaves the gradient of the lowest
layer's input to W, as one product over all rows that wait.

Shape suffixes: T time steps of the chunk, B sequences, N rows: T * B, H hidden.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pipebench.models.network import StepBatch
from pipebench.models.split import At, Payload, added_up
from pipebench.models.stacked_lstm.split.buffers import Rows
from pipebench.models.stacked_lstm.split.embedding import SplitEmbedding
from pipebench.models.stacked_lstm.split.head import SplitHead
from pipebench.models.stacked_lstm.split.kept import Kept, Place, Pool
from pipebench.models.stacked_lstm.split.products import Products
from pipebench.models.stacked_lstm.split.stack import SplitStack


class Sizes(NamedTuple):
    """A plan's numbers of microbatches and chunks, and the time steps and sequences of one slice."""

    microbatches: int
    chunks: int
    steps: int
    batch: int


class SplitPart:
    """A ``Split`` (see ``models.split``) of the stacked LSTM.

    Args:
        lstms: the layers from the lowest to the highest; may be empty.
        embedding: ``None`` unless the part begins the model.
        projection: ``None`` unless the part ends the model.
        products: the library that computes products.
        sizes: of the plan's slices.
    """

    def __init__(
        self,
        lstms: Iterable[nn.LSTM],
        embedding: nn.Embedding | None,
        projection: nn.Linear | None,
        products: Products,
        sizes: Sizes,
    ) -> None:
        self.products, self._sizes = products.name, sizes
        self._stack = SplitStack(lstms, products)
        self._embedding = None if embedding is None else SplitEmbedding(embedding)
        rows = sizes.steps * sizes.batch
        self._head = None if projection is None else SplitHead(projection, products, rows)
        assert self._stack.layers or not self._embedding, "an embedding has a layer above it"
        self._pool = Pool(self._make, sizes.microbatches)
        self._batch: StepBatch

    def _make(self) -> Kept:
        """Memory for a microbatch."""
        _, chunks, steps, batch = self._sizes
        head = None if self._head is None else self._head.buffers(chunks, steps, batch)
        return Kept(self._stack.buffers(chunks * steps, batch), head, chunks)

    def load(self, batch: StepBatch) -> None:
        """See ``Split``."""
        self._batch = batch

    def begin(self) -> None:
        """See ``Split``.

        A part without the embedding has to wait for its first input, so it makes the products of its backward now. In
        the first backward they would hold up the stages below, which wait for it one after the other.
        """
        self._stack.make_forward(self._sizes.batch)
        if self._embedding is None:
            self._stack.make_backward(self._sizes.batch, self._sizes.steps)
        if self._head is not None:
            self._head.begin(self._batch)

    def forward(self, slices: Sequence[At], received: Sequence[Sequence[Payload]]) -> list[Payload | Tensor]:
        """See ``Split``."""
        return [self._forward(at, given) for at, given in zip(slices, received, strict=True)]

    def _forward(self, at: At, given: Sequence[Payload]) -> Payload | Tensor:
        microbatch, chunk = at
        kept = self._pool.of(microbatch)
        place = kept.places[chunk]
        output_TBH = self._input(at, place, given)
        if place.layers:
            output_TBH, _ = self._stack.forward(place.layers, output_TBH, place.before)
        if self._head is not None:
            return self._head.forward(kept.head_chunks[chunk], at, output_TBH)
        return place.payload or (output_TBH,)

    def _input(self, at: At, place: Place, given: Sequence[Payload]) -> Tensor:
        """The lowest layer's input: what the stage below sent, or the words' rows, put where the layer keeps them."""
        if self._embedding is None:
            return given[0][0]
        assert place.input_ is not None
        assert place.rows is not None
        self._embedding.forward(self._words(at), place.rows)
        return place.input_

    def _words(self, at: At) -> Tensor:
        """The words of a slice [N]."""
        words_TB: Tensor = self._batch.inputs[at[0]][at[1]]
        return words_TB.view(-1)

    def backward_input(
        self, slices: Sequence[At], received: Sequence[Sequence[Payload]]
    ) -> list[list[Payload]]:
        """See ``Split``."""
        return [self._backward_input(at, given) for at, given in zip(slices, received, strict=True)]

    def _backward_input(self, at: At, given: Sequence[Payload]) -> list[Payload]:
        microbatch, chunk = at
        kept = self._pool.of(microbatch)
        place = kept.places[chunk]
        gradient_TBH: Tensor | None = (
            added_up(given) if self._head is None else self._head.backward_input(kept.head_chunks[chunk])
        )
        if place.layers:
            gradient_TBH, kept.after = self._stack.backward_input(
                place.layers, gradient_TBH, kept.after, input_=self._embedding is None, state=chunk > 0
            )
        return [] if gradient_TBH is None else [(gradient_TBH,)]

    def backward_weight(self, slices: Sequence[At]) -> None:
        """See ``Split``."""
        slices = sorted(slices)
        pairs = [(self._pool.of(microbatch), chunk) for microbatch, chunk in slices]
        taken = self._stack.backward_weight([kept.places[chunk].layers for kept, chunk in pairs])
        if self._embedding is not None:
            self._embed_backward(slices, taken, self._embedding)
        if self._head is not None:
            self._head.backward_weight([(kept.head_buffers, chunk) for kept, chunk in pairs])
        for microbatch, _ in slices:
            self._pool.done(microbatch)

    def _embed_backward(self, slices: Sequence[At], taken: Sequence[Rows], embedding: SplitEmbedding) -> None:
        """Add the embedding's gradients. ``taken``: the rows that the lowest layer used, in the order of the slices."""
        words_N = torch.cat([self._words(at) for at in slices])
        for rows, words in zip(taken, torch.split(words_N, [len(rows.gates) for rows in taken]), strict=True):
            embedding.backward_weight(words, self._stack.layers[0].input_gradient(rows.gates))

    def finish(self) -> None:
        """See ``Split``."""
        self._stack.finish()
        for part in (self._embedding, self._head):
            if part is not None:
                part.finish()
