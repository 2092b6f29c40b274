"""Layers to compare: one with autograd, one split, on the same numbers."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pipebench.measuring.verification import relative_errors
from pipebench.models.stacked_lstm.split.buffers import Chunk
from pipebench.models.stacked_lstm.split.layer import SplitLSTM
from pipebench.models.stacked_lstm.split.products import Blas, Product, Products
from pipebench.models.stacked_lstm.split.state import State, StateGradient

TOLERANCES = {torch.float32: 1e-5, torch.float64: 1e-10}
NAMES = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


class Counting(Blas):
    """Counts the weights that were made ready for products."""

    def __init__(self) -> None:
        self.made = 0

    def by(self, weight_MK: Tensor, bias_M: Tensor | None, rows: int) -> Product:
        self.made += 1
        return super().by(weight_MK, bias_M, rows)


def drawn(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 1) -> Tensor:
    """Normal numbers of the shape and the seed alone."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def lstm(hidden: int, dtype: torch.dtype = torch.float64) -> nn.LSTM:
    torch.manual_seed(hidden)
    return nn.LSTM(hidden, hidden, dtype=dtype)


def split(layer: nn.LSTM, products: Products | None = None) -> SplitLSTM:
    return SplitLSTM(layer, products or Blas())


def chunks_of(layer: SplitLSTM, steps: int, batch: int, length: int) -> list[Chunk]:
    buffers = layer.buffers(steps, batch)
    return [buffers.chunk(first, min(first + length, steps)) for first in range(0, steps, length)]


def forward(
    layer: SplitLSTM, chunks: Sequence[Chunk], input_TBH: Tensor, state: State | None = None
) -> tuple[Tensor, State]:
    """All chunks in turn; a copy of the whole output."""
    outputs = []
    for chunk in chunks:
        output, state = layer.forward(chunk, input_TBH[chunk.first : chunk.end], state)
        outputs.append(output.clone())
    assert state is not None
    return torch.cat(outputs), state


def backward_input(
    layer: SplitLSTM,
    chunks: Sequence[Chunk],
    gradient_TBH: Tensor | None,
    after: StateGradient | None = None,
) -> tuple[Tensor, StateGradient]:
    """All chunks from the last to the first."""
    found = []
    for chunk in reversed(chunks):
        given = None if gradient_TBH is None else gradient_TBH[chunk.first : chunk.end]
        input_gradient, after = layer.backward_input(chunk, given, after)
        found.append(input_gradient)
    assert after is not None
    return torch.cat(found[::-1]), after


def take_gradients(layer: nn.Module) -> dict[str, Tensor | None]:
    """Of each parameter, which then has none."""
    found = {name: parameter.grad for name, parameter in layer.named_parameters()}
    layer.zero_grad()
    return found


def assert_same(expected: dict[str, Tensor | None], found: dict[str, Tensor | None]) -> None:
    """To the tolerance of their type, as a run's verification measures it."""
    assert expected.keys() == found.keys()
    tensors = [tensor for tensor in expected.values() if tensor is not None]
    errors, _, _ = relative_errors(expected, found)
    assert max(errors.values()) <= TOLERANCES[tensors[0].dtype], errors
