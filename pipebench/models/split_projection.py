"""A linear layer whose backward is in halves.

Shape suffixes: N rows, H inputs, V outputs.
"""

from torch import Tensor, nn

from pipebench.models.split import add_gradient
from pipebench.models.stacked_lstm.split.products import Product, Products


class SplitProjection:
    """Computes logits, and the gradients of input and parameters from those of the logits.

    Args:
        linear: with a bias; its parameters get the gradients. An update must be one that torch counts.
        products: the library that computes products.
        rows: how many a product usually has.
    """

    def __init__(self, linear: nn.Linear, products: Products, rows: int) -> None:
        self._weight, self._bias = linear.weight, linear.bias
        self._products, self._rows = products, rows
        self._versions = (-1, -1)
        self._made: tuple[Product, Product]
        self._totals: tuple[Tensor, Tensor] | None = None

    def refresh(self) -> None:
        """Make the products anew if the parameters have changed."""
        versions = self._counted()
        if versions != self._versions:
            weight_VH, bias_V = self._weight.detach(), self._bias.detach()
            by = self._products.by
            self._made = by(weight_VH, bias_V, self._rows), by(weight_VH.t(), None, self._rows)
            self._versions = versions

    def _counted(self) -> tuple[int, int]:
        """How often each parameter has changed so far."""
        return self._weight._version, self._bias._version  # noqa: SLF001

    def forward(self, hidden_NH: Tensor) -> Tensor:
        """The logits [N, V], a new tensor; call ``refresh`` before."""
        return self._made[0](hidden_NH)

    def backward_input(self, gradient_NV: Tensor) -> Tensor:
        """The gradient of the input [N, H], a new tensor."""
        assert self._versions == self._counted(), "no update between a forward and its backward"
        return self._made[1](gradient_NV)

    def backward_weight(self, gradient_NV: Tensor, hidden_NH: Tensor) -> None:
        """Add the parameters' gradients to a running total; both are dense."""
        bias_V = gradient_NV.sum(0)  # not by a product with ones: thousands of like numbers drift in float32
        if self._totals is None:
            self._totals = self._products.summed(gradient_NV, hidden_NH), bias_V
        else:
            self._products.add_summed(self._totals[0], gradient_NV, hidden_NH)
            self._totals[1].add_(bias_V)

    def finish(self) -> None:
        """Add the running total to the parameters' gradients, and start a new one."""
        if self._totals is not None:
            add_gradient(self._weight, self._totals[0])
            add_gradient(self._bias, self._totals[1])
            self._totals = None
