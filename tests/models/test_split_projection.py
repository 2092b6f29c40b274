"""A linear layer in halves against its gradients in double precision."""

import torch
from torch import nn

from pipebench.models.split_projection import SplitProjection
from pipebench.models.stacked_lstm.split.products import Blas


def test_the_bias_gets_the_sum_of_many_like_numbers_without_drift() -> None:
    draw = torch.Generator().manual_seed(1)
    linear = nn.Linear(3, 40)
    split = SplitProjection(linear, Blas(), 64)
    split.refresh()
    gradient = torch.softmax(torch.randn(8192, 40, generator=draw) / 20, 1) / 8192
    hidden = torch.randn(8192, 3, generator=draw)
    split.backward_weight(gradient[:6000], hidden[:6000])
    split.backward_weight(gradient[6000:], hidden[6000:])
    split.finish()
    exact, weight = gradient.double().sum(0), gradient.double().t() @ hidden.double()
    assert linear.bias.grad is not None
    assert linear.weight.grad is not None
    assert (linear.bias.grad.double() - exact).norm() < 3e-7 * exact.norm()
    assert (linear.weight.grad.double() - weight).norm() < 1e-5 * weight.norm()
