"""The replaced ``forward``: its gradients by differences, and when it goes the usual way."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from pipebench.models.deferred.linear import LayerCall, Linear
from pipebench.models.deferred.products import Blas
from pipebench.models.projection import Projection


class Never:
    """Takes nothing."""

    def keeps(self, call: LayerCall) -> bool:
        return False


class Always:
    """Takes everything."""

    def __init__(self) -> None:
        self.calls: list[LayerCall] = []

    def keeps(self, call: LayerCall) -> bool:
        self.calls.append(call)
        return True


@pytest.mark.parametrize("bias", [False, True])
def test_gradients_and_those_of_gradients(bias: bool) -> None:
    layer = nn.Linear(3, 2, bias=bias).double()
    Linear(layer, Never())
    x = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)

    def run(x: Tensor, *_: Tensor) -> Tensor:
        return layer(x)

    assert torch.autograd.gradcheck(run, (x, *layer.parameters()))
    assert torch.autograd.gradgradcheck(run, (x, *layer.parameters()))


def test_weights_wait_also_where_the_input_needs_no_gradient() -> None:
    layer, keeper = nn.Linear(3, 2), Always()
    ours = Linear(layer, keeper)
    x, gradient = torch.randn(4, 3), torch.randn(4, 2)
    layer(input=x).backward(gradient)
    assert layer.weight.grad is None
    ours.add_gradients(keeper.calls)
    torch.testing.assert_close(layer.weight.grad, gradient.t() @ x)
    torch.testing.assert_close(layer.bias.grad, gradient.sum(0))


def test_gradients_are_added_to_those_that_are_there() -> None:
    layer, keeper = nn.Linear(3, 2), Always()
    ours = Linear(layer, keeper)
    layer.weight.grad, layer.bias.grad = torch.ones(2, 3), torch.ones(2)
    x = torch.randn(4, 3)
    layer(x).sum().backward()
    ours.add_gradients(keeper.calls)
    torch.testing.assert_close(layer.weight.grad, 1 + x.sum(0).expand(2, 3))
    torch.testing.assert_close(layer.bias.grad, torch.full((2,), 5.0))


@pytest.mark.parametrize("gives", ["input", "weight", "bias"])
def test_gradients_that_are_asked_for_by_name_come_at_once(gives: str) -> None:
    layer, keeper = nn.Linear(3, 2), Always()
    x = torch.randn(4, 3, requires_grad=True)
    wanted = {"input": x, "weight": layer.weight, "bias": layer.bias}[gives]
    (expected,) = torch.autograd.grad(layer(x).sum(), wanted)
    Linear(layer, keeper)
    (found,) = torch.autograd.grad(layer(x).sum(), wanted)
    torch.testing.assert_close(found, expected)
    assert not keeper.calls


def without_autograd(layer: nn.Linear, x: Tensor) -> Tensor:
    with torch.no_grad():
        return layer(x)


def autocast(layer: nn.Linear, x: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        return layer(x)


def other_weights(layer: nn.Linear, x: Tensor) -> Tensor:
    weights = {"weight": layer.weight * 2, "bias": layer.bias}
    found = torch.func.functional_call(layer, weights, (x,))
    assert isinstance(found, Tensor)
    return found


def frozen(layer: nn.Linear, x: Tensor) -> Tensor:
    layer.weight.requires_grad_(False)
    return layer(x)


@pytest.mark.parametrize("way", [without_autograd, autocast, other_weights, frozen])
def test_the_usual_way(way: Callable[[nn.Linear, Tensor], Tensor]) -> None:
    x, layer, keeper = torch.randn(4, 3), nn.Linear(3, 2), Always()
    expected = way(layer, x)
    layer.weight.requires_grad_(True)
    Linear(layer, keeper)
    found = way(layer, x)
    assert torch.equal(found, expected)
    assert found.dtype == expected.dtype
    if found.requires_grad:
        found.sum().backward()
    assert not keeper.calls


def test_a_wrong_input_is_refused_as_before() -> None:
    layer = nn.Linear(3, 2)
    Linear(layer, Never())
    for wrong in (torch.ones(4, 3, dtype=torch.float64), torch.tensor(1.0)):
        with pytest.raises(RuntimeError):
            layer(wrong)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        layer(torch.ones(4, 5))


def test_a_projection_keeps_its_library() -> None:
    given = [Projection(3, 4, onednn=onednn, dtype=torch.float32, device=None) for onednn in (False, True)]
    names = [type(Linear(layer, Never()).products).__name__ for layer in given]
    assert names == ["Blas", "Onednn" if torch.backends.mkldnn.is_available() else "Blas"]  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("onednn", [False, True])
def test_a_gradient_of_a_gradient_by_either_library(onednn: bool) -> None:
    torch.manual_seed(0)
    layer = Projection(3, 4, onednn=onednn, dtype=torch.float32, device=None)
    Linear(layer, Always())
    x, weight = torch.randn(5, 3, requires_grad=True), layer.weight.detach().clone().requires_grad_()
    (force,) = torch.autograd.grad(layer(x).square().sum(), x, create_graph=True)
    (expected,) = torch.autograd.grad(((2 * (x @ weight.t() + layer.bias)) @ weight).square().sum(), weight)
    (found,) = torch.autograd.grad(force.square().sum(), layer.weight)
    torch.testing.assert_close(found, expected)


@pytest.mark.filterwarnings("ignore:Using backward")
def test_a_gradient_that_is_to_have_one_itself_does_not_wait() -> None:
    layer, keeper = nn.Linear(3, 2), Always()
    Linear(layer, keeper)
    layer(torch.ones(1, 3)).square().sum().backward(create_graph=True)
    assert not keeper.calls
    assert layer.weight.grad is not None
    assert layer.weight.grad.requires_grad
    layer.zero_grad()


@pytest.mark.parametrize(("rows", "products"), [(1, 1), (127, 1), (128, 3)])
def test_short_pieces_are_one_product(rows: int, products: int) -> None:
    layer, keeper, seen = nn.Linear(3, 2), Always(), list[int]()

    class Counted(Blas):
        def add_to(self, total_VH: Tensor | None, gradient_NV: Tensor, input_NH: Tensor) -> Tensor:
            seen.append(len(input_NH))
            return super().add_to(total_VH, gradient_NV, input_NH)

    ours = Linear(layer, keeper)
    ours.products = Counted()
    for _ in range(3):
        layer(torch.randn(rows, 3)).sum().backward()
    ours.add_gradients(keeper.calls)
    assert len(seen) == products
    assert sum(seen) == 3 * rows
