"""The stacked LSTM: embedding, L LSTM layers, projection, cross-entropy over the next words.

Any contiguous range of layers is a stage; a stage and the whole model are the same class. Tensors are
time-major. Shape suffixes: T time steps of the slice, B sequences of the slice, H hidden, V vocabulary.
"""

from collections.abc import Iterator, Sequence
from typing import TypedDict

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from pipebench.models.stacked_lstm.projection import Projection
from pipebench.models.text.data import PADDING
from pipebench.workload import StageLayers, Workload

State = tuple[Tensor, Tensor]  # h and c of one layer, [1, B, H] each


class _Options(TypedDict):
    """How parameters are made."""

    dtype: torch.dtype
    device: torch.device | None


DTYPES = {"float32": torch.float32, "float64": torch.float64}


class StackedLSTM(nn.Module):
    """A contiguous slice of the model; parameter names do not depend on how the model is sliced."""

    def __init__(self, workload: Workload, layers: StageLayers, device: torch.device | None = None) -> None:
        super().__init__()
        self.workload, self.slice = workload, layers
        self.device = device or torch.device("cpu")
        hidden, vocab = workload.hidden, workload.vocab
        options: _Options = {"dtype": DTYPES[workload.dtype], "device": device}
        self.embedding = nn.Embedding(vocab, hidden, **options) if layers.embedding else None
        self.lstm = nn.ModuleDict(
            {str(index): nn.LSTM(hidden, hidden, **options) for index in range(layers.first, layers.end)}
        )
        self.projection = (
            Projection(hidden, vocab, onednn=workload.onednn, **options) if layers.projection else None
        )

    def hidden_states(self, input_: Tensor, states: Sequence[State | None]) -> tuple[Tensor, list[State]]:
        """The output of the slice's last LSTM layer, and each layer's state after the last time step.

        Args:
            input_: words [T, B] for a slice with the embedding, else activations [T, B, H].
            states: each layer's state before the first time step; ``None`` is zeros.
        """
        hidden_TBH = input_ if self.embedding is None else self.embedding(input_)
        after: list[State] = []
        for lstm, state in zip(self.lstm.values(), states, strict=True):
            hidden_TBH, state_after = lstm(hidden_TBH, state)
            after.append(state_after)
        return hidden_TBH, after

    def loss(self, hidden_TBH: Tensor, targets_N: Tensor, words: int) -> Tensor:
        """The slice's share of the mean loss a word: its summed loss / ``words`` of the whole batch."""
        assert self.projection is not None
        return word_loss(self.projection(hidden_TBH.flatten(0, 1)), targets_N, words)

    def initialise(self, seed: int) -> None:
        """Draw the parameters; the same seed gives the same model however it is sliced."""
        for name, parameter in self.named_parameters():
            _draw(parameter, seed, name, self.workload.hidden)


class FusedLSTM(nn.Module):
    """The whole model with one multi-layer ``nn.LSTM``: a single call for all layers."""

    def __init__(self, workload: Workload, device: torch.device | None = None) -> None:
        super().__init__()
        hidden, vocab = workload.hidden, workload.vocab
        options: _Options = {"dtype": DTYPES[workload.dtype], "device": device}
        self.workload = workload
        self.embedding = nn.Embedding(vocab, hidden, **options)
        self.lstm = nn.LSTM(hidden, hidden, num_layers=workload.layers, **options)
        self.projection = Projection(hidden, vocab, onednn=workload.onednn, **options)

    def forward(self, words_TB: Tensor, targets_N: Tensor, words: int) -> Tensor:
        """The mean loss a word."""
        hidden_TBH, _ = self.lstm(self.embedding(words_TB))
        return word_loss(self.projection(hidden_TBH.flatten(0, 1)), targets_N, words)

    def initialise(self, seed: int) -> None:
        """Draw the same parameters as ``StackedLSTM`` with this seed."""
        for name, parameter in self.canonical_parameters():
            _draw(parameter, seed, name, self.workload.hidden)

    def canonical_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Parameters by the names that ``StackedLSTM`` gives them: ``lstm.3.weight_ih_l0``."""
        for name, parameter in self.named_parameters():
            if name.startswith("lstm."):
                kind, layer = name.removeprefix("lstm.").rsplit("_l", 1)
                yield f"lstm.{layer}.{kind}_l0", parameter
            else:
                yield name, parameter


def word_loss(logits_NV: Tensor, targets_N: Tensor, words: int) -> Tensor:
    """Summed cross-entropy of the words that are not padding, over ``words``; positions are T * B."""
    return cross_entropy(logits_NV, targets_N, ignore_index=PADDING, reduction="sum") / words


def _draw(parameter: nn.Parameter, seed: int, name: str, hidden: int) -> None:
    """U(-1/sqrt(H), 1/sqrt(H)), from a generator of the parameter's own, so slicing cannot matter."""
    generator = torch.Generator().manual_seed((seed * 1_000_003 + _stable_hash(name)) % 2**63)
    bound = hidden**-0.5
    drawn = torch.empty_like(parameter, device="cpu")  # the same numbers, wherever the parameter is
    with torch.no_grad():
        parameter.copy_(drawn.uniform_(-bound, bound, generator=generator))


def _stable_hash(text: str) -> int:
    """The same number in every process (FNV-1a), unlike ``hash``."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value
