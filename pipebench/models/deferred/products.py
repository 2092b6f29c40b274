"""The products of a linear layer, by torch's BLAS or by oneDNN, whichever the layer itself uses.

Two of oneDNN's operations are private to torch. So they are tried first.

Shape suffixes: N rows, H inputs, V outputs.
"""

from collections.abc import Iterator
from functools import cache
from typing import ClassVar, Protocol

import torch
from torch import Tensor
from torch.nn.functional import linear

from pipebench.models.private_operations import are_right


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


class PublicOnednn(Blas):
    """oneDNN's products, by torch's public functions alone."""

    few: ClassVar[int] = 256  # each product copies its operands and its result

    def output(self, input_NH: Tensor, weight_VH: Tensor, bias_V: Tensor | None) -> Tensor:
        """See ``Products``."""
        return linear(input_NH.to_mkldnn(), weight_VH, bias_V).to_dense()

    def of_input(self, gradient_NV: Tensor, weight_VH: Tensor) -> Tensor:
        """See ``Products``."""
        return self.output(gradient_NV.contiguous(), weight_VH.t().contiguous(), None)

    def add_to(self, total_VH: Tensor | None, gradient_NV: Tensor, input_NH: Tensor) -> Tensor:
        """See ``Products``."""
        result = self.output(gradient_NV.t().contiguous(), input_NH.t().contiguous(), None)
        return result if total_VH is None else total_VH.add_(result)


class Onednn(PublicOnednn):
    """oneDNN's products, the gradients' by the private operations that autograd would call: fewer copies."""

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


def onednn() -> Products:
    """The products of oneDNN, by public functions if the private operations are missing or give wrong numbers here."""
    return Onednn() if _private_are_right() else PublicOnednn()


def found_products() -> dict[str, bool]:
    """Which of the two ``onednn`` gives, in the form of a network's ``found``."""
    return {"onednn_gradient_products": _private_are_right()}


@cache
def _private_are_right() -> bool:
    """Whether the private operations agree with float64 on a small case; they are tried once."""
    return are_right(_small_cases(Onednn()))


def _small_cases(library: Products) -> Iterator[tuple[Tensor, Tensor]]:
    """Found and expected: the input's gradient, the weight's, and the weight's added to a total."""
    draw = torch.Generator().manual_seed(1)
    gradient_NV, input_NH, weight_VH = (
        torch.randn(*shape, generator=draw) for shape in ((5, 12), (5, 7), (12, 7))
    )
    yield library.of_input(gradient_NV, weight_VH), gradient_NV.double() @ weight_VH.double()
    exact_VH = gradient_NV.double().t() @ input_NH.double()
    yield library.add_to(None, gradient_NV, input_NH), exact_VH
    yield library.add_to(weight_VH.clone(), gradient_NV, input_NH), exact_VH + weight_VH


def summed(gradient_NV: Tensor) -> Tensor:
    """The sum over the rows [V]. A product with ones would take half the time, but drifts: see the test."""
    return gradient_NV.sum(0)
