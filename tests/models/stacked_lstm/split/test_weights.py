import torch

from pipebench.models.stacked_lstm.split.products import Blas, Product
from pipebench.models.stacked_lstm.split.weights import Weights, parameters_of, scale_candidates
from tests.models.stacked_lstm.split.building import drawn, lstm


class Counting(Blas):
    made = 0

    def by(self, weight_MK: torch.Tensor, bias_M: torch.Tensor | None, rows: int) -> Product:
        self.made += 1
        return super().by(weight_MK, bias_M, rows)


def test_a_product_is_made_once_an_update() -> None:
    layer, products = lstm(3), Counting()
    weights = Weights(parameters_of(layer), products)
    for _ in range(2):
        for _ in range(3):
            weights.refresh()
            weights.forward(2)
            weights.backward_hidden(2)
        with torch.no_grad():
            layer.bias_hh_l0 += 1
    assert products.made == 4


def test_backwards_in_one_product_or_in_two() -> None:
    layer = lstm(3)
    weights = Weights(parameters_of(layer), Blas())
    weights.refresh()
    gates_BG = drawn(2, 12)
    with torch.no_grad():
        apart = [product(2)(gates_BG) for product in (weights.backward_input, weights.backward_hidden)]
        torch.testing.assert_close(weights.backward_both(2)(gates_BG), torch.cat(apart, 1))
        scale_candidates(gates_BG.t())
        torch.testing.assert_close(apart[0], gates_BG @ layer.weight_ih_l0)
