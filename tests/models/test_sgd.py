import copy

import torch

from pipebench.models.sgd import SGD


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
