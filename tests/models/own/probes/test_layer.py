import random
import sys
import time

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import dropout
from torch.nn.utils.parametrizations import spectral_norm

from tests.models.own.samples import (
    CLASSES,
    WIDTH,
    Block,
    Only32,
    assert_said,
    between,
    of_numbers,
    probed,
    raises,
    refused,
)


def kept_generator() -> nn.Module:
    generator = torch.Generator().manual_seed(1)
    return Block(lambda x: x * (torch.rand(x.shape, generator=generator, dtype=x.dtype) < 0.9))


class LayerDrop(nn.Module):
    def forward(self, x):
        return x if random.random() < 0.5 else x * 0


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (nn.Dropout(0.5), "layer 1 (Dropout) draws random numbers in a forward: "),
        (nn.Dropout(1e-9), "layer 1 (Dropout) draws"),
        (nn.RReLU(), "layer 1 (RReLU) draws"),
        (nn.Sequential(nn.ReLU(), nn.Dropout(0.1)), "(Sequential) draws random numbers in a forward (a Dropout in it)"),
        (Block(lambda x: dropout(x, 1e-6)), "layer 1 (Block) draws"),
        (Block(lambda x: x + np.random.rand()), "layer 1 (Block) draws"),
        (LayerDrop(), "layer 1 (LayerDrop) draws"),
        (kept_generator(), "layer 1 (Block) gives something else for the same input"),
        (Block(lambda x: x + time.perf_counter()), "gives something else for the same input"),
    ],
)  # fmt: skip
def test_a_layer_that_is_random(layer: nn.Module, said: str) -> None:
    assert_said(refused(between(layer)), said)


class Remembers(nn.Module):
    """What it was given last, as an attribute that nobody sees."""

    last = 0.0

    def forward(self, x):
        before, self.last = self.last, x.sum().item()
        return x + before


def test_a_layer_that_remembers() -> None:
    assert_said(refused(between(Remembers())), "layer 1 (Remembers)", "keeps something from one forward")


class ReZero(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x + self.gate * x.mean(0)


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (nn.BatchNorm1d(WIDTH), "layer 1 (BatchNorm1d) mixes the samples of a batch: "),
        (nn.BatchNorm1d(WIDTH, momentum=0.0), "layer 1 (BatchNorm1d) mixes"),
        (nn.BatchNorm1d(WIDTH, track_running_stats=False), "layer 1 (BatchNorm1d) mixes"),
        (nn.Sequential(nn.BatchNorm1d(WIDTH)), "layer 1 (Sequential) mixes the samples of a batch (a BatchNorm1d"),
        (Block(lambda x: x - x.mean(0)), "layer 1 (Block) mixes"),
        (Block(lambda x: x + 1e-8 * x.mean(0)), "layer 1 (Block) mixes"),
        (Block(lambda x: x / x.norm()), "mixes"),
        (Block(lambda x: x.flip(0)), "mixes"),
        (Block(lambda x: x.roll(1, 0)), "mixes"),
        (Block(lambda x: x + torch.arange(len(x))[:, None]), "mixes"),
        (Block(lambda x: x.mean(0)), "mixes"),
        (Block(lambda x: (x, x.sum())), "mixes"),
        (Block(lambda x: (x, torch.tensor(len(x)))), "mixes"),
        (Block(lambda x: x.softmax(0)), "mixes"),
        (nn.MultiheadAttention(WIDTH, 2), "TypeError"),
        (nn.TransformerEncoderLayer(WIDTH, 2, 8, 0.0), "mixes"),  # takes the batch for the time
        (ReZero(), "mixes"),
    ],
)  # fmt: skip
def test_a_layer_that_mixes_samples(layer: nn.Module, said: str) -> None:
    assert_said(refused(between(layer)), said)


def test_samples_that_are_mixed_in_pairs_where_a_slice_is_one() -> None:
    assert_said(refused(between(Block(lambda x: x + x.roll(1, 0))), size=4, microbatches=4), "mixes")


def test_batch_norm_is_said_to_mix_where_a_slice_is_one_sample_that_it_cannot_run_on() -> None:
    assert_said(refused(between(nn.BatchNorm1d(WIDTH)), size=16, microbatches=16), "mixes the samples")


def test_samples_that_are_mixed_in_fours() -> None:
    fours = Block(lambda x: x - x.unflatten(0, (-1, 4)).mean(1).repeat_interleave(4, 0) if len(x) > 3 else x)
    assert_said(refused(between(fours), size=16, microbatches=8), "layer 1 (Block)")


def test_mixing_that_constant_samples_would_hide() -> None:
    constant = lambda n, g: (torch.ones(n, WIDTH), torch.zeros(n).long())  # noqa: E731
    text = refused(of_numbers(Block(lambda x: x - x.mean(0) + 1), nn.Linear(WIDTH, CLASSES), batch=constant))
    assert_said(text, "layer 0 (Block) mixes")


class Counts(nn.Module):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.register_buffer("count", torch.zeros(()))
        self.weight = nn.Parameter(torch.ones(3))
        self.also = nn.BatchNorm1d(WIDTH)

    def forward(self, x):
        with torch.no_grad():
            getattr(self, self.name).add_(1)
        return x


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (Counts("count"), "layer 1 (Counts) changes its buffer count in a forward"),
        (Counts("weight"), "layer 1 (Counts) changes its parameter weight in a forward"),
        (spectral_norm(nn.Linear(WIDTH, WIDTH)), "changes its buffer parametrizations.weight.0._u"),
    ],
)
def test_a_layer_that_changes_itself(layer: nn.Module, said: str) -> None:
    assert_said(refused(between(layer)), said)


def by_numpy(x):
    x.numpy()[:] += 1
    return x


@pytest.mark.parametrize(
    "layer",
    [
        nn.ReLU(inplace=True),
        Block(lambda x: x.add_(1)),
        Block(lambda x: x.data.add_(1)),
        Block(by_numpy),
        Block(lambda x: x.mul_(1)),
        Block(lambda x: x.t_().t() * 1),
    ],
)
def test_a_layer_that_changes_its_input(layer: nn.Module) -> None:
    assert_said(refused(between(layer)), "layer 1 (", "changes its input in place")


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x: x @ x.T, "gives the shape [8, 8], and for half of the samples [4, 4]"),
        (lambda x: x[x[:, 0] > 0], "cannot be put together"),
        (lambda x: x[:4].repeat(2, 1) if len(x) > 4 else x[:3], "cannot be put together"),
        (lambda x: (x, x) if len(x) > 4 else (x,), "cannot be put together"),
        (lambda x: x if len(x) > 4 else (x,), "cannot be put together"),
        (lambda x: [x], "the output of layer 1 (Block) is a list"),
        (lambda x: None, "the output of layer 1 (Block) is None"),
        (lambda x: (x, 3), "is a tuple with an int at 1"),
        (lambda x: (x, (x,)), "is a tuple with a tuple at 1"),
        (lambda x: {"x": x}, "is a dict"),
        (lambda x: (), "empty tuple"),
    ],
)
def test_an_output_that_cannot_be_cut(function, said: str) -> None:
    assert_said(refused(between(Block(function))), said)


def raises_for_few(x):
    if len(x) < 8:
        raise ValueError("too few")
    return x


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (nn.Linear(5, 5), ["layer 1 (Linear): RuntimeError: ", "shapes", "given [8, 6]"]),
        (
            Block(raises),
            ["layer 1 (Block): ValueError: not like this (samples.py, line ", "given [8, 6]"],
        ),
        (
            Block(raises_for_few),
            ["layer 1 (Block): ValueError: too few (test_layer.py, line ", "given [4, 6]"],
        ),
        (Block(lambda x: sys.exit(3)), ["layer 1 (Block): SystemExit: 3"]),
    ],
)
def test_a_forward_that_raises(layer: nn.Module, said: list[str]) -> None:
    assert_said(refused(between(layer)), *said)


def test_a_layer_that_runs_in_float32_only() -> None:
    probed(between(Only32()))
    text = refused(between(Only32()), dtype="float64")
    assert_said(text, "layer 1 (Only32): RuntimeError", "(samples.py, line ", "use --dtype float32")


def test_a_layer_that_runs_in_float32_only_and_mixes() -> None:
    assert_said(refused(between(Only32(lambda x: x - x.mean(0)))), "layer 1 (Only32) mixes")
    assert_said(refused(between(Only32(lambda x: dropout(x, 1e-9)))), "layer 1 (Only32) draws")
