"""The stacked LSTM: embedding, L LSTM layers, projection, cross-entropy over the next words.

Any contiguous range of layers is a part; a part and the whole model are the same class. Tensors are
time-major. Shape suffixes: T time steps of the slice, B sequences of the slice, H hidden, V vocabulary.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypedDict

import torch
from torch import Tensor, nn

from pipebench.models.drawing import draw
from pipebench.models.kind import Asked
from pipebench.models.network import DTYPES, NOTHING, Beside, Optimizer, Part, StepBatch
from pipebench.models.outline import FormKind, Slice, whole
from pipebench.models.projection import Projection, onednn_is_faster_for
from pipebench.models.sgd import SGD
from pipebench.models.softmax import JoinedLoss, SoftmaxShard, drawn_shard, word_loss
from pipebench.models.split import Split
from pipebench.models.split_softmax import ShardSizes, SplitLoss, SplitShard
from pipebench.models.stacked_lstm.outline import LSTMOutline
from pipebench.models.stacked_lstm.split.part import Sizes, SplitPart
from pipebench.models.stacked_lstm.split.products import (
    Products,
    fastest_products,
    found_products,
    known_products,
)
from pipebench.models.text.data import Data
from pipebench.models.word_batches import step_batch

State = tuple[Tensor, Tensor]  # h and c of one layer, [1, B, H] each


class _Options(TypedDict):
    """Type and place of new parameters."""

    dtype: torch.dtype
    device: torch.device | None


class StackedLSTM(nn.Module):
    """A contiguous slice of the model; parameter names do not depend on how the model is sliced."""

    def __init__(self, workload: LSTMOutline, layers: Slice, device: torch.device | None = None) -> None:
        super().__init__()
        self.workload, self.slice = workload, layers
        self.device = device or torch.device("cpu")
        hidden, vocab = workload.hidden, workload.vocab
        options: _Options = {"dtype": DTYPES[workload.dtype], "device": device}
        self.embedding = nn.Embedding(vocab, hidden, **options) if layers.opens else None
        self.lstm = nn.ModuleDict(
            {str(index): nn.LSTM(hidden, hidden, **options) for index in range(layers.first, layers.end)}
        )
        self.projection = (
            Projection(hidden, vocab, onednn=workload.onednn, **options) if layers.closes else None
        )

    def run(
        self,
        input_: Tensor,
        state: Sequence[State] | None,
        beside: Beside = NOTHING,  # noqa: ARG002 - the protocol's signature
    ) -> tuple[Tensor, list[State]]:
        """The output of the slice's last LSTM layer, and each layer's state after the last time step.

        Args:
            input_: words [T, B] for a slice with the embedding, else activations [T, B, H].
            state: each layer's state before the first time step; ``None`` means zeros.
            beside: not used.
        """
        hidden_TBH = input_ if self.embedding is None else self.embedding(input_)
        before: Sequence[State | None] = state or [None] * len(self.lstm)
        after: list[State] = []
        for lstm, state_before in zip(self.lstm.values(), before, strict=True):
            hidden_TBH, state_after = lstm(hidden_TBH, state_before)
            after.append(state_after)
        return hidden_TBH, after

    def loss(self, hidden_TBH: Tensor, targets_N: Tensor) -> Tensor:
        """The loss, summed over the words that are not padding."""
        assert self.projection is not None
        return word_loss(self.projection(hidden_TBH.flatten(0, 1)), targets_N)

    def named(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Parameters by name."""
        return self.named_parameters()

    def kept(self) -> Iterator[tuple[str, Tensor]]:
        """All parameters by name; there are no buffers."""
        return self.named()

    def initialise(self, seed: int) -> None:
        """Draw the parameters; the same seed gives the same model however it is sliced."""
        for name, parameter in self.named_parameters():
            draw(parameter, seed, name, self.workload.hidden**-0.5)


class FusedLSTM(nn.Module):
    """The whole model with one multi-layer ``nn.LSTM``: a single call for all layers."""

    def __init__(self, workload: LSTMOutline, device: torch.device | None = None) -> None:
        super().__init__()
        hidden, vocab = workload.hidden, workload.vocab
        options: _Options = {"dtype": DTYPES[workload.dtype], "device": device}
        self.workload = workload
        self.embedding = nn.Embedding(vocab, hidden, **options)
        self.lstm = nn.LSTM(hidden, hidden, num_layers=workload.layers, **options)
        self.projection = Projection(hidden, vocab, onednn=workload.onednn, **options)

    def run(
        self,
        words_TB: Tensor,
        state: None,  # noqa: ARG002 - the whole sequence at once
        beside: Beside = NOTHING,  # noqa: ARG002 - the protocol's signature
    ) -> tuple[Tensor, None]:
        """The output [T, B, H] of the last LSTM layer, and no state."""
        hidden_TBH, _ = self.lstm(self.embedding(words_TB))
        return hidden_TBH, None

    def loss(self, hidden_TBH: Tensor, targets_N: Tensor) -> Tensor:
        """The loss, summed over the words that are not padding."""
        return word_loss(self.projection(hidden_TBH.flatten(0, 1)), targets_N)

    def initialise(self, seed: int) -> None:
        """Draw the same parameters as ``StackedLSTM`` with this seed."""
        for name, parameter in self.named():
            draw(parameter, seed, name, self.workload.hidden**-0.5)

    def named(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Parameters by the names that ``StackedLSTM`` gives them: ``lstm.3.weight_ih_l0``."""
        for name, parameter in self.named_parameters():
            if name.startswith("lstm."):
                kind, layer = name.removeprefix("lstm.").rsplit("_l", 1)
                yield f"lstm.{layer}.{kind}_l0", parameter
            else:
                yield name, parameter

    def kept(self) -> Iterator[tuple[str, Tensor]]:
        """All parameters by name; there are no buffers."""
        return self.named()


class StackedLSTMNetwork:
    """The model of a run in this process.

    Args:
        outline: the model's sizes. If it is not known yet which library is faster for the projection, it is found here.
        asked: what the run asks of the model.
        data: the run's words.
    """

    def __init__(self, outline: LSTMOutline, asked: Asked, data: Data) -> None:
        if asked.found is None:
            outline = replace(outline, onednn=onednn_is_faster_for(outline, asked))
        self.outline, self.dtype = outline, DTYPES[outline.dtype]
        self.found = {"onednn_projection": outline.onednn}
        self._known = asked.found or {}
        self._products: Products | None = None
        self._seed, self._rate, self._data = asked.seed, asked.learning_rate, data

    def part(self, part: Slice, device: torch.device | None = None) -> Part:
        """Make a slice with its first parameters, a shard of the projection, or the loss that joins the shards."""
        if part.joins:
            return JoinedLoss()
        if part.rows is not None:
            return drawn_shard(
                part.rows,
                self.outline,
                self._seed,
                self.outline.hidden**-0.5,
                dtype=self.dtype,
                device=device,
            )
        model = StackedLSTM(self.outline, part, device)
        model.initialise(self._seed)
        return model

    def split(self, model: Part, *, microbatches: int, chunks: int) -> Split | None:
        """Make a part whose backward is in halves; ``None`` if this part cannot be split.

        Args:
            model: a part made by ``part``. The new part uses its parameters and gives them their gradients.
            microbatches: of the plan.
            chunks: of the plan.
        """
        steps, batch = self.outline.sequence_length // chunks, self.outline.batch // microbatches
        if isinstance(model, JoinedLoss):
            return SplitLoss(self.dtype)
        if isinstance(model, SoftmaxShard):
            device = model.projection.weight.device
            sizes = ShardSizes(microbatches * chunks, steps, batch)
            return SplitShard(model, self.products(microbatches, device), sizes)
        if not isinstance(model, StackedLSTM):
            return None
        return SplitPart(
            [lstm for lstm in model.lstm.values() if isinstance(lstm, nn.LSTM)],
            model.embedding,
            model.projection,
            self.products(microbatches, model.device),
            Sizes(microbatches, chunks, steps, batch),
        )

    def products(self, microbatches: int, device: torch.device | None = None) -> Products:
        """The library that split parts use: the one found by an earlier launch, else the fastest one here.

        The fastest one is looked for once, and ``found`` says which one is used. Call this before you send ``found`` to
        other launches, or compare it with what they were told.

        Args:
            microbatches: of the plan.
            device: of the parts.
        """
        if self._products is None:
            sizes = self.outline.hidden, self.outline.batch // microbatches
            self._products = known_products(self._known, *sizes) or fastest_products(
                *sizes, self.dtype, device or torch.device("cpu")
            )
            self.found |= found_products(self._products)
        return self._products

    def form(self, kind: FormKind, device: torch.device | None = None) -> Part:
        """Make the whole model: fused, or as the chain of all layers."""
        if kind != "fused":
            return self.part(whole(self.outline), device)
        model = FusedLSTM(self.outline, device)
        model.initialise(self._seed)
        return model

    def batch(
        self,
        number: int,
        *,
        microbatches: int = 1,
        chunks: int | None = None,
        device: torch.device | None = None,
    ) -> StepBatch:
        """``inputs[m][c]`` int64 [T / chunks, B / microbatches], and ``targets[m][c]``: their next words, flat."""
        return step_batch(
            self._data.batches[number],
            self.outline,
            microbatches=microbatches,
            chunks=chunks,
            device=device,
        )

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """Plain SGD."""
        return SGD(parameters, self._rate)
