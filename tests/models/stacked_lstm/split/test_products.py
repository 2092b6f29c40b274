from itertools import cycle

import pytest
import torch

from pipebench.models.stacked_lstm.split import products
from pipebench.models.stacked_lstm.split.products import (
    LIBRARIES,
    Blas,
    Onednn,
    Packed,
    Products,
    fastest_products,
)
from tests.models.stacked_lstm.split.building import drawn

CPU = torch.device("cpu")


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
@pytest.mark.parametrize(("rows", "inner", "columns"), [(1, 1, 4), (5, 6, 12), (64, 64, 128), (1100, 10, 33)])
def test_every_library_gives_the_same_products(
    library: Products, rows: int, inner: int, columns: int
) -> None:
    x_NK, weight_MK = drawn(rows, inner), drawn(columns, inner, seed=2)
    bias_M, right_NM = drawn(columns, seed=3), drawn(rows, columns, seed=4)
    x, weight, bias, right = (tensor.float() for tensor in (x_NK, weight_MK, bias_M, right_NM))
    transposed = weight.t().contiguous().t()
    with torch.no_grad():
        pairs = [
            (library.by(weight, bias, rows)(x), x_NK @ weight_MK.t() + bias_M),
            (library.by(transposed, None, rows)(x), x_NK @ weight_MK.t()),
            (library.summed(x, right), x_NK.t() @ right_NM),
            (added(library, x, right), 3 + x_NK.t() @ right_NM),
        ]
    for found, expected in pairs:
        assert found.dtype == torch.float32
        assert (found - expected).norm() <= 1e-5 * expected.norm()


def added(library: Products, left_NK: torch.Tensor, right_NM: torch.Tensor) -> torch.Tensor:
    """To a total of threes."""
    total_KM = torch.full((left_NK.shape[1], right_NM.shape[1]), 3.0)
    library.add_summed(total_KM, left_NK, right_NM)
    return total_KM


def clock_of(*seconds: float):
    """Products that take so long, in turn."""
    steps, now, begun = cycle(seconds), 0.0, False

    def clock() -> float:
        nonlocal now, begun
        begun = not begun
        if not begun:
            now += next(steps)
        return now

    return clock


@pytest.mark.parametrize(
    ("seconds", "name"),
    [((3, 2, 1), "packed"), ((3, 1, 2), "onednn"), ((1, 2, 3), "blas"), ((1.02, 1.01, 1), "blas")],
)
def test_the_fastest_is_taken_and_a_tie_is_the_more_public_one_s(
    seconds: tuple[float, ...], name: str
) -> None:
    assert fastest_products(4, 2, torch.float32, CPU, clock=clock_of(*seconds)).name == name


class Raising:
    def __getattr__(self, name: str) -> object:
        raise AttributeError(name)


def test_private_operations_that_are_gone_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products.torch.ops, "mkldnn", Raising())
    assert fastest_products(4, 2, torch.float32, CPU, clock=clock_of(3, 2)).name == "onednn"


@pytest.mark.parametrize("error", [RuntimeError, NotImplementedError, TypeError])
@pytest.mark.parametrize("method", ["by", "summed", "add_summed"])
def test_those_that_take_other_arguments_are_not_used(
    monkeypatch: pytest.MonkeyPatch, method: str, error: type[Exception]
) -> None:
    def refuse(self, *given: object) -> None:
        raise error

    monkeypatch.setattr(Packed, method, refuse)
    assert fastest_products(4, 2, torch.float32, CPU, clock=clock_of(3, 2)).name == "onednn"


@pytest.mark.parametrize("method", ["by", "summed", "add_summed"])
def test_those_that_raise_at_the_size_of_a_layer_are_not_used(
    monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    right = getattr(Packed, method)

    def refuse(self: Packed, *given: torch.Tensor) -> object:
        if given[0].numel() > 20 * 60:
            raise RuntimeError("could not create a primitive descriptor for a matmul primitive")
        return right(self, *given)

    monkeypatch.setattr(Packed, method, refuse)
    assert fastest_products(4, 2, torch.float32, CPU, clock=clock_of(3, 2, 1)).name == "packed"
    assert fastest_products(40, 20, torch.float32, CPU, clock=clock_of(3, 2)).name == "onednn"


def test_an_error_that_no_library_raises_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Packed, "by", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        fastest_products(4, 2, torch.float32, CPU)


def test_wrong_numbers_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Packed.summed
    monkeypatch.setattr(Packed, "summed", lambda self, *given: right(self, *given) * 1.0001)
    monkeypatch.setattr(Onednn, "by", lambda self, *given: lambda x_NK: torch.full((5, 12), torch.nan))
    assert fastest_products(4, 2, torch.float32, CPU, clock=clock_of(1)).name == "blas"


def test_double_precision_and_gpus_go_the_usual_way() -> None:
    for dtype, device in ((torch.float64, CPU), (torch.float32, torch.device("cuda"))):
        assert isinstance(fastest_products(4, 2, dtype, device), Blas)
