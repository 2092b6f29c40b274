"""Projections, mostly to the vocabulary: large products, by the library that is faster on this processor.

torch sends the products of a linear layer to its BLAS and an LSTM's to oneDNN. On some processors one of the two
does not use the widest instructions, and the projection then takes twice the time of an LSTM layer of as many
operations. oneDNN's linear layer trains as well, for single-precision tensors in its own layout.

Shape suffixes: N flattened positions, H hidden, V vocabulary.
"""

import time
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from pipebench.models.kind import Asked
from pipebench.plan.device_kind import DeviceKind

_MOST_POSITIONS = 512
_ROUNDS = 3
_GAIN = 1.03  # less is noise, and the usual way stays


class Projection(nn.Linear):
    """A linear layer [..., H] -> [..., V] whose products may be oneDNN's."""

    def __init__(
        self,
        hidden: int,
        vocab: int,
        *,
        onednn: bool,
        dtype: torch.dtype,
        device: torch.device | None,
        bias: bool = True,
    ) -> None:
        super().__init__(hidden, vocab, bias=bias, dtype=dtype, device=device)
        self.uses_onednn = onednn and can_use_onednn(dtype, self.weight.device)

    def forward(self, input_: Tensor) -> Tensor:
        """Logits [..., V]."""
        if not self.uses_onednn:
            return super().forward(input_)
        return linear(input_.to_mkldnn(), self.weight, self.bias).to_dense()


def can_use_onednn(dtype: torch.dtype, device: torch.device) -> bool:
    """Whether oneDNN trains a linear layer of this kind."""
    available: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return dtype == torch.float32 and device.type == "cpu" and available


class Projected(Protocol):
    """The facts of a model that its projection takes."""

    @property
    def hidden(self) -> int:
        """Input features."""

    @property
    def vocab(self) -> int:
        """Output features."""

    @property
    def batch(self) -> int:
        """Sequences of a step."""

    @property
    def sequence_length(self) -> int:
        """Words of each sequence."""

    @property
    def dtype(self) -> str:
        """The type of its numbers."""


def onednn_is_faster_for(outline: Projected, asked: Asked, outputs: int | None = None) -> bool:
    """Whether oneDNN is faster for the projection of one slice of this run; ``outputs``: by default the vocabulary."""
    positions = outline.batch * outline.sequence_length // (asked.microbatches * asked.chunks)
    return (
        asked.device is not DeviceKind.CUDA
        and outline.dtype == "float32"
        and onednn_is_faster(outline.hidden, outputs or outline.vocab, max(positions, 1))
    )


def onednn_is_faster(
    hidden: int, vocab: int, positions: int, *, clock: Callable[[], float] = time.thread_time
) -> bool:
    """Whether oneDNN is faster than torch's usual way for a forward and backward.

    Both are tried in turn, and the fastest try of each counts.

    Args:
        hidden: input features.
        vocab: output features.
        positions: of one slice; at most 512 of them are tried.
        clock: seconds of this thread.
    """
    device = torch.device("cpu")
    if not can_use_onednn(torch.float32, device):
        return False
    input_NH = torch.ones(min(positions, _MOST_POSITIONS), hidden, requires_grad=True)
    layers = [
        Projection(hidden, vocab, onednn=onednn, dtype=torch.float32, device=device)
        for onednn in (False, True)
    ]
    gradient_NV = torch.ones(len(input_NH), vocab)
    best_s = [float("inf")] * len(layers)
    for _ in range(_ROUNDS + 1):  # the first round warms up: it is never the fastest
        for number, layer in enumerate(layers):
            begun = clock()
            layer(input_NH).backward(gradient_NV)
            best_s[number] = min(best_s[number], clock() - begun)
    usual_s, onednn_s = best_s
    return usual_s > _GAIN * onednn_s
