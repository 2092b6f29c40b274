import time
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, dropout, mse_loss

from tests.models.own.ordinary import along_time
from tests.models.own.samples import (
    CLASSES,
    WIDTH,
    Tied,
    assert_said,
    of_numbers,
    probed,
    raises,
    refused,
    summed,
)


def weighted(output, target):
    weight = torch.tensor([1.0, 2.0, 3.0, 4.0])
    return cross_entropy(output, target, weight=weight, reduction="sum")


@pytest.mark.parametrize(
    "loss",
    [
        summed,
        nn.CrossEntropyLoss(reduction="sum"),
        lambda output, target: output.square().sum(),
        lambda output, target: output.sum(),  # of both signs
        lambda output, target: output.sum() * 0,
        lambda output, target: output.sum() * torch.nan,
        lambda output, target: output.clone().mul_(2).sum(),
        lambda output, target: summed(output.float(), target),
        lambda output, target: summed(output.float().square(), target).double(),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_loss_that_is_a_sum(loss, dtype: str) -> None:
    probed(of_numbers(nn.Linear(WIDTH, CLASSES), loss=loss), dtype=dtype)


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (nn.CrossEntropyLoss(), "averages: halves of the samples give 2 times the loss of the whole; use reduction"),
        (lambda output, target: output.square().mean(), "averages"),
        (partial(cross_entropy, ignore_index=0), "averages"),
        (lambda output, target: output.square().sum().sqrt(), "loss mixes the items: "),
        (lambda output, target: output.sum().square(), "mixes the items"),
        (lambda output, target: output.square().sum() + 1, "mixes the items"),
        (lambda output, target: output.square().sum() * (1 + 1e-9 * len(output)), "mixes the items"),
        (lambda output, target: output.square().sum() / (len(output) > 4), "mixes the items"),
        (lambda output, target: output.sum(1), "loss returns a tensor of the shape [8]"),
        (lambda output, target: output.sum().reshape(1), "of the shape [1]"),
        (lambda output, target: target.sum(), "(int64)"),
        (lambda output, target: output.sum().item(), "loss returns a float"),
        (lambda output, target: None, "loss returns None"),
        (lambda output, target: output.detach().sum(), "carries no gradient"),
        (lambda output, target: dropout(output, 1e-9).sum(), "loss draws random numbers"),
        (lambda output, target: output.sum() * time.perf_counter(), "loss"),
        (lambda output, target: output.mul_(2).sum(), "loss changes what it is given"),
        (lambda output, target: output.data.mul_(2).sum() + output.sum(), "loss changes what it is given"),
        (lambda output, target: output.sum() + target.add_(1).sum(), "loss changes what it is given"),
        (lambda output, target: raises(output), "loss: ValueError: not like this (samples.py, line "),
        (mse_loss, "loss: "),
        (Tied(torch.ones(3, 3)), "loss has parameters of its own"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_a_loss_that_is_refused(loss, said: str) -> None:
    text = refused(of_numbers(nn.Linear(WIDTH, CLASSES), loss=loss))
    assert text.startswith("loss")
    assert_said(text, said)


def test_a_loss_that_averages_over_the_time_alone() -> None:
    loss = lambda output, target: cross_entropy(output.mT, target, reduction="none").mean(1).sum()  # noqa: E731
    probed(along_time(loss=loss), chunks=1)
    text = refused(along_time(loss=loss), chunks=3)
    assert_said(text, "loss averages: chunks of the time give 3 times the loss of the whole")
    probed(along_time(), chunks=3)


def test_a_loss_that_runs_in_float32_only() -> None:
    probed(of_numbers(nn.Linear(WIDTH, CLASSES), loss=weighted))
    text = refused(of_numbers(nn.Linear(WIDTH, CLASSES), loss=weighted), dtype="float64")
    assert_said(text, "loss: RuntimeError", "use --dtype float32")
