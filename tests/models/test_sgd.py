import copy
from math import sqrt

import pytest
import torch
from torch import Tensor, nn

from pipebench.models.network import Clipper
from pipebench.models.sgd import SGD, ClippedSGD, add_scaled


def test_it_is_the_stock_sgd_bit_by_bit() -> None:
    ours = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.Linear(7, 3))
    stock = copy.deepcopy(ours)
    optimizers = SGD(ours.parameters(), 0.1), torch.optim.SGD(stock.parameters(), lr=0.1)
    for _ in range(3):
        inputs = torch.randn(4, 5)
        for model, optimizer in zip((ours, stock), optimizers, strict=True):
            optimizer.zero_grad()
            model(inputs).square().sum().backward()
            optimizer.step()
    for a, b in zip(ours.parameters(), stock.parameters(), strict=True):
        assert torch.equal(a, b)


def test_zero_grad_frees_and_parameters_without_gradient_stay() -> None:
    used, unused = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(2))
    optimizer = SGD([used, unused], 1.0)
    used.sum().backward()
    optimizer.step()
    assert (used.tolist(), unused.tolist()) == ([0.0, 0.0], [1.0, 1.0])
    optimizer.zero_grad()
    assert used.grad is None


def looked_up(parameters: list[nn.Parameter], *, sparse: bool) -> Tensor:
    """A loss of a table of which some rows occur, one of them twice, of a matrix and of a vector."""
    table, matrix, vector = parameters
    rows = nn.functional.embedding(torch.tensor([1, 4, 1, 0]), table, sparse=sparse)
    return (rows @ matrix + vector).square().sum()


def parameters(dtype: torch.dtype = torch.float64) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(2)
    return [
        nn.Parameter(torch.randn(shape, generator=generator, dtype=dtype)) for shape in ((6, 4), (4, 3), (3,))
    ]


def norm_of(each: list[nn.Parameter]) -> float:
    """Of all gradients, as torch computes it."""
    return float(torch.nn.utils.get_total_norm([p.grad.to_dense() for p in each if p.grad is not None]))


@pytest.mark.parametrize("share", [0.1, 0.9, 1.1, 10.0], ids="most is {} of the norm".format)
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_clipping_is_torch_s_own_whether_the_norm_is_above_or_below(share: float, *, sparse: bool) -> None:
    """Rows that occur twice are added up before they are squared."""
    ours, stock = parameters(), parameters()
    looked_up(ours, sparse=False).backward()  # type: ignore[no-untyped-call]
    most = share * norm_of(ours)
    optimizers = ClippedSGD(ours, 0.7, most), torch.optim.SGD(stock, lr=0.7)
    for step in range(3):
        for each, optimizer in zip((ours, stock), optimizers, strict=True):
            optimizer.zero_grad()
            looked_up(each, sparse=sparse and each is ours).backward()  # type: ignore[no-untyped-call]
        norm = norm_of(stock)
        assert optimizers[0].squared_norm().shape == (1,)
        assert float(optimizers[0].squared_norm()) == pytest.approx(norm**2, rel=1e-14)
        assert step or (norm > most) == (share < 1)
        torch.nn.utils.clip_grad_norm_(stock, most)
        for optimizer in optimizers:
            optimizer.step()
        for a, b in zip(ours, stock, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-13, atol=1e-14)


def test_whoever_has_some_of_the_parameters_clips_by_the_norm_of_all() -> None:
    together, apart = parameters(), parameters()
    for each in (together, apart):
        looked_up(each, sparse=True).backward()  # type: ignore[no-untyped-call]
    most = norm_of(together) / 3
    whole = ClippedSGD(together, 0.7, most)
    devices = [ClippedSGD(apart[:1], 0.7, most), ClippedSGD(apart[1:], 0.7, most), ClippedSGD([], 0.7, most)]
    total = sum(device.squared_norm() for device in devices)
    assert float(total) == pytest.approx(norm_of(together) ** 2, rel=1e-14)
    for device in devices:
        assert isinstance(device, Clipper)
        device.clip(total)  # type: ignore[arg-type]
        device.step()
    whole.step()
    for a, b in zip(together, apart, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-14, atol=1e-15)


def test_what_was_told_of_the_norm_is_for_one_update_alone() -> None:
    parameter = nn.Parameter(torch.zeros(4))
    optimizer = ClippedSGD([parameter], 1.0, 1.0)
    for squared, expected in ((16.0, -0.25), (None, -0.75)):  # alone its norm is 2
        parameter.grad = torch.ones(4)
        if squared is not None:
            optimizer.clip(torch.tensor([squared], dtype=torch.float64))
        optimizer.step()
        torch.testing.assert_close(parameter.detach(), torch.full((4,), expected), rtol=1e-6, atol=0.0)


def test_the_norm_of_no_gradient_at_all_is_nothing_and_changes_nothing() -> None:
    parameter = nn.Parameter(torch.ones(2))
    optimizer = ClippedSGD([parameter], 1.0, 1.0)
    assert optimizer.squared_norm().tolist() == [0.0]
    assert optimizer.squared_norm().dtype == torch.float64
    optimizer.step()
    assert parameter.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_the_norm_of_millions_of_numbers_is_right_in_float32(*, sparse: bool) -> None:
    """torch's own is off by 1e-4 there: it adds the squares up one after the other."""
    drawn = torch.randn(5000, 1000, generator=torch.Generator().manual_seed(1))
    exact = sqrt(float(drawn.double().square().sum()))
    parameter = nn.Parameter(torch.zeros_like(drawn))
    looked_up = nn.functional.embedding(torch.arange(5000), parameter, sparse=sparse)
    (looked_up * drawn).sum().backward()  # type: ignore[no-untyped-call]
    found = sqrt(float(ClippedSGD([parameter], 1.0, 1.0).squared_norm()))
    assert found == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_a_scale_that_stays_on_its_device_updates_as_one_that_the_host_knows(*, sparse: bool) -> None:
    """As a GPU does it; the gradients are as they were, for whoever compares them after the update."""
    each = parameters(torch.float32)
    looked_up(each, sparse=sparse).backward()  # type: ignore[no-untyped-call]
    scale = torch.tensor([0.23], dtype=torch.float64)
    for parameter in each:
        gradient = parameter.grad
        assert gradient is not None
        before = gradient.to_dense().clone()
        expected = parameter.detach() - 0.7 * 0.23 * before
        with torch.no_grad():
            add_scaled(parameter, gradient, scale, alpha=-0.7)
        assert torch.equal(gradient.to_dense(), before)
        torch.testing.assert_close(parameter.detach(), expected)
