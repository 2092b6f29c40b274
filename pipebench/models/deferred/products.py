"""The products of a linear layer, by torch's BLAS or by oneDNN, whichever the layer itself uses.

Shape suffixes: N rows, H inputs, V outputs.
"""

from typing import ClassVar, Protocol

import torch
from torch import Tensor
from torch.nn.functional import linear


class Products(Protocol):
    """A library's products. Pieces of fewer than ``few`` rows cost less when they are copied into one."""

    few: ClassVar[int]

    def output(self, input_NH: Tensor, weight_VH: Tensor, bias_V: Tensor | None) -> Tensor:
        """The layer's output [N, V]."""

    def of_input(self, gradient_NV: Tensor, weight_VH: Tensor) -> Tensor:
        """The input's gradient [N, H]."""

    def add_to(self, total_VH: Tensor | None, gradient_NV: Tensor, input_NH: Tensor) -> Tensor:
        """The weight's gradient [V, H], added to the total in its place; a new tensor if there is none."""


class Blas:
    """torch's usual products: any device, any floating type."""

    few: ClassVar[int] = 128

    def output(self, input_NH: Tensor, weight_VH: Tensor, bias_V: Tensor | None) -> Tensor:
        """See ``Products``."""
        return linear(input_NH, weight_VH, bias_V)

    def of_input(self, gradient_NV: Tensor, weight_VH: Tensor) -> Tensor:
        """See ``Products``."""
        return gradient_NV @ weight_VH

    def add_to(self, total_VH: Tensor | None, gradient_NV: Tensor, input_NH: Tensor) -> Tensor:
        """See ``Products``."""
        if total_VH is None:
            return gradient_NV.t() @ input_NH
        return total_VH.addmm_(gradient_NV.t(), input_NH)


class Onednn(Blas):
    """oneDNN's products, by the operations that autograd would call."""

    few: ClassVar[int] = 256  # each product copies its operands and its result

    def output(self, input_NH: Tensor, weight_VH: Tensor, bias_V: Tensor | None) -> Tensor:
        """See ``Products``."""
        return linear(input_NH.to_mkldnn(), weight_VH, bias_V).to_dense()

    def of_input(self, gradient_NV: Tensor, weight_VH: Tensor) -> Tensor:
        """See ``Products``."""
        size = [len(gradient_NV), weight_VH.shape[1]]
        multiply = torch.ops.aten.mkldnn_linear_backward_input
        result: Tensor = multiply(size, gradient_NV.contiguous().to_mkldnn(), weight_VH).to_dense()
        return result

    def add_to(self, total_VH: Tensor | None, gradient_NV: Tensor, input_NH: Tensor) -> Tensor:
        """See ``Products``."""
        gradient, input_ = (tensor.contiguous().to_mkldnn() for tensor in (gradient_NV, input_NH))
        shape_alone = gradient_NV.new_empty(1).expand(gradient_NV.shape[1], input_NH.shape[1])
        multiply = torch.ops.aten.mkldnn_linear_backward_weights
        result: Tensor = multiply(gradient, input_, shape_alone, False)[0].to_dense()
        return result if total_VH is None else total_VH.add_(result)


def summed(gradient_NV: Tensor) -> Tensor:
    """The sum over the rows [V]. A product with ones would take half the time, but drifts: see the test."""
    return gradient_NV.sum(0)
