"""A layer's parameters in the form that its products take, made anew after each update.

Shape suffixes: H hidden, K both inputs: 2H, G gates: 4H.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pipebench.models.stacked_lstm.split.products import Product, Products

_CANDIDATE = 2  # its place among the gates


class Parameters(NamedTuple):
    """The parameters of one layer, each with its shape in ``nn.LSTM``."""

    weight_ih: nn.Parameter
    weight_hh: nn.Parameter
    bias_ih: nn.Parameter
    bias_hh: nn.Parameter


def parameters_of(lstm: nn.LSTM) -> Parameters:
    """The parameters of the LSTM's lowest layer."""
    return Parameters(*(lstm.get_parameter(f"{name}_l0") for name in Parameters._fields))


def scale_candidates(tensor_G: Tensor) -> None:
    """Multiply the candidates' rows of a parameter or gradient [4H, ...] by -2, in place.

    A product with such weights gives the scaled arguments of ``time_step``. The gradient of a weight is -2 times that
    of a scaled one.
    """
    tensor_G.chunk(4)[_CANDIDATE].mul_(-2)


class Weights:
    """The products by the parameters of one layer, the candidate's rows scaled by -2.

    Args:
        parameters: of the layer.
        products: the library that computes products.
    """

    def __init__(self, parameters: Parameters, products: Products) -> None:
        self._parameters, self._products = parameters, products
        self._made: dict[str, Product] = {}
        self._versions = [-1]
        input_GH = parameters.weight_ih.detach()
        self._both_GK, self._bias_G = torch.cat((input_GH, input_GH), 1), parameters.bias_ih.detach().clone()

    def refresh(self) -> None:
        """Forget all products if a parameter has changed; torch counts a tensor's changes."""
        if not self.are_current():
            self._made.clear()
            self._scale()
            self._versions = self._counted()

    def are_current(self) -> bool:
        """Whether no parameter has changed since ``refresh``."""
        return self._versions == self._counted()

    def _counted(self) -> list[int]:
        """How often each parameter has changed so far."""
        return [parameter._version for parameter in self._parameters]  # noqa: SLF001

    def _scale(self) -> None:
        """Put the weights side by side, add up the biases, and scale the candidate's rows."""
        input_GH, hidden_GH, *biases_G = (parameter.detach() for parameter in self._parameters)
        torch.cat((input_GH, hidden_GH), 1, out=self._both_GK)
        torch.add(*biases_G, out=self._bias_G)
        scale_candidates(self._both_GK)
        scale_candidates(self._bias_G)

    def forward(self, rows: int) -> Product:
        """The product from [x | h] to the arguments of all gates."""
        return self._product("forward", lambda: self._products.by(self._both_GK, self._bias_G, rows))

    def backward_both(self, rows: int) -> Product:
        """The product from the gradients of the gates' arguments to those of [x | h]."""
        return self._product("both", lambda: self._transposed(self._both_GK, rows))

    def backward_hidden(self, rows: int) -> Product:
        """The product from the gradients of the gates' arguments to that of h alone."""
        return self._product("hidden", lambda: self._transposed(self._both_GK.chunk(2, 1)[1], rows))

    def backward_input(self, rows: int) -> Product:
        """The product from the gradients of the gates' arguments to that of x alone."""
        return self._product("input", lambda: self._transposed(self._both_GK.chunk(2, 1)[0], rows))

    def _product(self, name: str, make: Callable[[], Product]) -> Product:
        """A product, made when it is first asked for: not every run needs each."""
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = make()
        return made

    def _transposed(self, weight: Tensor, rows: int) -> Product:
        """The product by a transposed weight, which must be dense."""
        return self._products.by(weight.contiguous().t(), None, rows)
