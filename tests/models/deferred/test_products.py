"""Either library's products against plain ones in double precision."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from pipebench.models.deferred import products as module
from pipebench.models.deferred.products import Blas, Onednn, Products, PublicOnednn, summed


def libraries() -> list[Products]:
    available = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return [Blas(), PublicOnednn(), Onednn()] if available else [Blas()]


class Raising:
    """torch's operations, of which some are gone."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("mkldnn_linear_backward"):
            raise AttributeError(name)
        return getattr(ATEN, name)


ATEN = torch.ops.aten


@pytest.fixture
def _untried() -> Iterator[None]:
    """The private operations are tried again, before the test and after it."""
    module._private_are_right.cache_clear()
    yield
    module._private_are_right.cache_clear()


@pytest.mark.usefixtures("_untried")
def test_private_operations_that_are_gone_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.torch.ops, "aten", Raising())
    assert type(module.onednn()) is PublicOnednn
    assert module.found_products() == {"onednn_gradient_products": False}


@pytest.mark.usefixtures("_untried")
@pytest.mark.parametrize("method", ["of_input", "add_to"])
def test_wrong_numbers_are_not_used(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    right = getattr(Onednn, method)
    monkeypatch.setattr(Onednn, method, lambda self, *given: right(self, *given) * 1.0001)
    assert type(module.onednn()) is PublicOnednn


@pytest.mark.usefixtures("_untried")
def test_private_operations_that_are_right_are_used() -> None:
    there = len(libraries()) > 1
    assert type(module.onednn()) is (Onednn if there else PublicOnednn)
    assert module.found_products() == {"onednn_gradient_products": there}


def near(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("products", libraries(), ids=lambda library: type(library).__name__)
@pytest.mark.parametrize(("rows", "inputs", "outputs"), [(1, 1, 1), (7, 5, 3), (64, 33, 101)])
def test_products(products: Products, rows: int, inputs: int, outputs: int) -> None:
    torch.manual_seed(rows)
    x, weight, bias = torch.randn(rows, inputs), torch.randn(outputs, inputs), torch.randn(outputs)
    gradient, total = torch.randn(outputs, rows).t(), torch.randn(outputs, inputs)
    x64, weight64, gradient64, total64 = (each.double() for each in (x, weight, gradient, total))
    near(products.output(x, weight, bias), x64 @ weight64.t() + bias)
    near(products.output(x, weight, None), x64 @ weight64.t())
    near(products.of_input(gradient, weight), gradient64 @ weight64)
    near(products.add_to(None, gradient, x), gradient64.t() @ x64)
    added = products.add_to(total, gradient, x)
    near(added, total64 + gradient64.t() @ x64)
    assert added is total
    near(summed(gradient), gradient64.sum(0))


@pytest.mark.parametrize("products", libraries(), ids=lambda library: type(library).__name__)
def test_a_gradient_that_is_one_number_for_all(products: Products) -> None:
    """As the gradient of a sum comes: expanded, without memory of its own for each number."""
    gradient, x, weight = torch.ones(()).expand(4, 3), torch.randn(4, 5), torch.randn(3, 5)
    near(products.of_input(gradient, weight), gradient.double() @ weight.double())
    near(products.add_to(None, gradient, x), gradient.double().t() @ x.double())
    near(summed(gradient), torch.full((3,), 4.0, dtype=torch.float64))


def test_a_sum_of_many_like_numbers_does_not_drift() -> None:
    probabilities = (
        torch.softmax(torch.randn(8192, 40, generator=torch.Generator().manual_seed(1)) / 20, 1) / 8192
    )
    exact = probabilities.double().sum(0)
    assert (
        summed(probabilities).double() - exact
    ).norm() < 3e-7 * exact.norm()  # a product with ones: 1e-6 and more
