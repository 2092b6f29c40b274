"""An embedding without autograd.

Shape suffixes: N positions, H hidden, V vocabulary.
"""

import torch
from torch import Tensor, nn

from pipebench.models.split import add_gradient


class SplitEmbedding:
    """Looks words up, and adds up the gradients of those that occur.

    Args:
        embedding: its parameter gets the gradient.
    """

    def __init__(self, embedding: nn.Embedding) -> None:
        self._parameter = embedding.weight
        self._weight_VH = embedding.weight.detach()
        self._total_VH: Tensor | None = None

    def forward(self, words_N: Tensor, out_NH: Tensor) -> None:
        """Write the words' rows into ``out_NH``."""
        torch.index_select(self._weight_VH, 0, words_N, out=out_NH)

    def backward_weight(self, words_N: Tensor, gradient_NH: Tensor) -> None:
        """Add the gradients of words to a running total."""
        if self._total_VH is None:
            self._total_VH = torch.zeros_like(self._weight_VH)
        self._total_VH.index_add_(0, words_N, gradient_NH)

    def finish(self) -> None:
        """Add the running total to the parameter's gradient, and start a new one."""
        if self._total_VH is not None:
            add_gradient(self._parameter, self._total_VH)
            self._total_VH = None
