import random
import sys
import time
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, dropout, gelu, mse_loss
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from pipebench import Model
from pipebench.errors import ExitCode, UsageError
from tests.models.own.samples import (
    CLASSES,
    STEPS,
    WIDTH,
    WORDS,
    Block,
    Force,
    Only32,
    between,
    numbers,
    of_numbers,
    of_words,
    probed,
    summed,
    words,
    words_in_time,
)


def refused(model: Model, **options) -> str:
    with pytest.raises(UsageError) as raised:
        probed(model, **options)
    assert raised.value.exit_code == ExitCode.USAGE
    text = str(raised.value)
    assert text.isprintable()
    return text


def assert_said(text: str, *said: str) -> None:
    for word in said:
        assert word in text


# Layers that a pipeline computes exactly.


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(WIDTH, 9), nn.Linear(9, WIDTH)

    def forward(self, x):
        return x + self.two(gelu(self.one(x)))


class Frozen(nn.Module):
    """A batch norm whose statistics are fixed, also in training."""

    def __init__(self) -> None:
        super().__init__()
        self.bn = nn.BatchNorm1d(WIDTH)

    def train(self, mode: bool = True):
        super().train(mode)
        self.bn.eval()
        return self

    def forward(self, x):
        return self.bn(x)


class Attention(nn.Module):
    """On (activations [B, T, H], mask [B, T]), and passes the mask on."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.MultiheadAttention(WIDTH, 2, batch_first=True)

    def forward(self, pair):
        x, mask = pair
        return x + self.inner(x, x, x, key_padding_mask=mask, need_weights=False)[0], mask


class Embedded(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Embedding(WORDS, WIDTH)

    def forward(self, pair):
        return self.inner(pair[0]), pair[1]


class WithTables(nn.Module):
    """Gives on what is the same for all samples: a table, an index, a flag, a number."""

    def forward(self, x):
        return x, torch.ones(3, 3).tril(), torch.arange(5), torch.tensor(True), torch.tensor(2.5)


class Cell(nn.Module):
    """A running sum with weights, its state one tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(WIDTH, WIDTH)

    def forward(self, x, state):
        total = self.inner(x).cumsum(1) + (0 if state is None else state)
        return total, total[:, -1:]


class Cache(nn.Module):
    """Causal attention that keeps what it has seen: its state grows."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.MultiheadAttention(WIDTH, 2, batch_first=True)

    def forward(self, x, state=None):
        seen = x if state is None else torch.cat([state, x], 1)
        mask = torch.ones(x.shape[1], seen.shape[1], dtype=torch.bool).triu(seen.shape[1] - x.shape[1] + 1)
        return self.inner(x, seen, seen, attn_mask=mask, need_weights=False)[0], seen


def masked_words(size: int, generator: torch.Generator):
    input_, target = words(size, generator)
    mask = torch.zeros(size, STEPS, dtype=torch.bool)
    mask[:, -2:] = torch.rand(size, 2, generator=generator) < 0.5
    return (input_, mask), target


def images(size: int, generator: torch.Generator):
    return torch.randn(size, 4, 6, 6, generator=generator), torch.randint(3, (size,), generator=generator)


class Half(nn.Module):
    """Computes in float32 inside, whatever it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(WIDTH, WIDTH))

    def forward(self, x):
        return (x.float() @ self.weight.float()).to(x.dtype)


def frozen_parameters() -> nn.Module:
    return nn.Linear(WIDTH, WIDTH).requires_grad_(False)


def conv() -> list:
    inner = [nn.Conv2d(4, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.ReLU(), nn.MaxPool2d(2)]
    return [
        nn.Sequential(*inner),
        nn.InstanceNorm2d(8),
        nn.LayerNorm([8, 3, 3]),
        nn.Flatten(),
        nn.Linear(72, 3),
    ]


def transposed() -> list:
    """The batch in another dimension from layer to layer."""
    return [nn.Linear(WIDTH, WIDTH), Block(torch.t), Block(torch.t), nn.Linear(WIDTH, CLASSES)]


def all_zero(size: int, generator: torch.Generator):
    return torch.zeros(size, WIDTH), torch.zeros(size).long()


ORDINARY = {
    "residual": lambda: between(Residual()),
    "sequential": lambda: Model(nn.Sequential(Residual(), nn.LayerNorm(6), nn.Linear(6, 4)), summed, numbers),
    "factories": lambda: of_numbers(Residual, lambda: nn.Linear(WIDTH, CLASSES)),
    "functional": lambda: between(Block(torch.tanh)),
    "identity": lambda: between(nn.Identity()),
    "dropout of 0": lambda: between(nn.Dropout(0.0)),
    "inplace inside": lambda: between(nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU(inplace=True))),
    "frozen batch norm": lambda: between(Frozen()),
    "frozen parameters": lambda: between(frozen_parameters()),
    "weight norm": lambda: between(weight_norm(nn.Linear(WIDTH, WIDTH))),
    "tied inside": lambda: between(nn.Sequential(*[nn.Linear(WIDTH, WIDTH)] * 2)),
    "conv": lambda: Model(conv(), summed, images),
    "conv transposed": lambda: Model([nn.ConvTranspose2d(4, 2, 2), nn.Flatten(), nn.Linear(98, 3)], summed, images),
    "transformer": lambda: of_words(nn.TransformerEncoderLayer(WIDTH, 2, 8, 0.0, batch_first=True)),
    "masked attention": lambda: Model(
        [Embedded(), Attention(), Attention(), Block(lambda pair: pair[0]), nn.Linear(WIDTH, WORDS)],
        summed,
        masked_words,
    ),
    "tables": lambda: of_numbers(WithTables(), Block(lambda all_: all_[0] * all_[4]), nn.Linear(WIDTH, CLASSES)),
    "tuple of one": lambda: of_numbers(Block(lambda x: (x,)), Block(lambda one: one[0]), nn.Linear(WIDTH, CLASSES)),
    "transposed": lambda: of_numbers(*transposed()),
    "flattened": lambda: of_words(nn.Flatten(0, 1)),
    "batch in dimension 1": lambda: of_words(nn.Linear(WIDTH, WIDTH), batch=words_in_time, batch_dimension=1),
    "flattened, batch in dimension 1": lambda: of_words(
        nn.Flatten(0, 1), batch=words_in_time, batch_dimension=1
    ),
    "float32 inside": lambda: between(Half()),
    "differentiates inside": lambda: between(Force()),
    "compiled by torch.jit": lambda: between(lambda: torch.jit.script(nn.Linear(WIDTH, WIDTH))),
    "zeros": lambda: of_numbers(nn.Linear(WIDTH, CLASSES), batch=all_zero),
    "nan": lambda: between(Block(lambda x: torch.where(x > 0, x, torch.nan))),
    "infinite": lambda: between(Block(lambda x: torch.where(x > 0, x, torch.inf))),
    "what should be 0": lambda: between(Block(lambda x: (x @ x.T.detach()[:, :1] * 0) + (x * 3 - x - x - x))),
    "checkpointed": lambda: between(
        Block(lambda x: torch.utils.checkpoint.checkpoint(torch.tanh, x, use_reentrant=False))
    ),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ORDINARY)
@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_an_ordinary_model_passes(name: str, dtype: str) -> None:
    probed(ORDINARY[name](), dtype=dtype)


@pytest.mark.parametrize(("size", "microbatches"), [(1, 1), (2, 2), (3, 1), (3, 3), (5, 1), (6, 3), (64, 4)])
def test_any_batch_size_passes(size: int, microbatches: int) -> None:
    probed(between(Residual()), size=size, microbatches=microbatches)
    probed(of_words(nn.LSTM(WIDTH, WIDTH, batch_first=True), time_dimension=1), size=size, chunks=3)


along_time = partial(of_words, time_dimension=1)
IN_TIME = {
    "stateless": lambda: along_time(Residual()),
    "lstm": lambda: along_time(*[partial(nn.LSTM, WIDTH, WIDTH, batch_first=True)] * 2),
    "lstm of two layers": lambda: along_time(nn.LSTM(WIDTH, WIDTH, 2, batch_first=True)),
    "gru": lambda: along_time(nn.GRU(WIDTH, WIDTH, batch_first=True)),
    "own cell": lambda: along_time(Cell()),
    "growing state": lambda: along_time(Cache()),
    "flattened": lambda: along_time(nn.Flatten(0, 1)),
    "batch in dimension 1": lambda: along_time(
        nn.LSTM(WIDTH, WIDTH), nn.Flatten(0, 1), batch=words_in_time, batch_dimension=1, time_dimension=0
    ),
    "time behind": lambda: along_time(nn.LSTM(WIDTH, WIDTH, batch_first=True), Block(lambda x: x.transpose(1, 2)),
                                      Block(lambda x: x.transpose(1, 2))),
}  # fmt: skip


@pytest.mark.parametrize("chunks", [1, 2, STEPS])
@pytest.mark.parametrize("name", IN_TIME)
def test_an_ordinary_model_in_time_passes(name: str, chunks: int) -> None:
    probed(IN_TIME[name](), chunks=chunks)


# Layers that it does not.


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


def ghost(x):
    """Normalises each two samples with each other."""
    pairs = x.reshape(-1, 2, WIDTH)
    return (pairs - pairs.mean(1, keepdim=True)).reshape(x.shape)


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


def raises(x):
    raise ValueError("not like this")


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
            ["layer 1 (Block): ValueError: not like this (test_probes.py, line ", "given [8, 6]"],
        ),
        (
            Block(raises_for_few),
            ["layer 1 (Block): ValueError: too few (test_probes.py, line ", "given [4, 6]"],
        ),
        (Block(lambda x: sys.exit(3)), ["layer 1 (Block): SystemExit: 3"]),
    ],
)
def test_a_forward_that_raises(layer: nn.Module, said: list[str]) -> None:
    assert_said(refused(between(layer)), *said)


def test_shared_parameters() -> None:
    twice = nn.Linear(WIDTH, WIDTH)
    text = refused(of_numbers(nn.Sequential(twice), nn.ReLU(), nn.ReLU(), nn.Sequential(nn.ReLU(), twice)))
    assert text.startswith("layers 0 and 3 share a parameter (0.0.weight): on one device they would be one")
    one, other = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
    other.weight = nn.Parameter(one.weight.data[:])
    assert_said(refused(of_numbers(one, other)), "layers 0 and 1 share a parameter (0.weight)")


def test_shared_parameters_without_values() -> None:
    with torch.device("meta"):
        one, other = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
    assert_said(refused(of_numbers(one, other)), "layer 0 (Linear)", "meta device")
    other.weight = one.weight
    assert_said(refused(of_numbers(nn.ReLU(), one, other)), "layers 1 and 2 share a parameter")


class Tied(nn.Module):
    def __init__(self, weight) -> None:
        super().__init__()
        self.weight = weight if isinstance(weight, nn.Parameter) else nn.Parameter(weight)

    def forward(self, x):
        return x @ self.weight


def test_parameters_that_functions_share() -> None:
    weight = nn.Parameter(torch.randn(WIDTH, WIDTH))
    assert_said(
        refused(of_numbers(nn.ReLU(), lambda: Tied(weight))), "layer 1 (Tied)", "same module or parameters"
    )
    assert_said(refused(of_numbers(lambda: Tied(weight.data))), "layer 0 (Tied)", "same module or parameters")
    assert_said(refused(of_numbers(Tied(weight), nn.ReLU(), lambda: Tied(weight))), "layers 0 and 2 share")
    given = nn.ReLU()
    assert_said(refused(of_numbers(lambda: given)), "same module")


def test_parameters_beside_each_other_in_one_storage_are_not_shared() -> None:
    flat = torch.randn(3, WIDTH, WIDTH)
    probed(of_numbers(Tied(flat[0]), Tied(flat[1]), nn.Linear(WIDTH, CLASSES)))
    both = nn.Parameter(flat.flatten()[20:56].view(WIDTH, WIDTH))
    assert_said(
        refused(of_numbers(Tied(flat[2]), Tied(flat[0]), Tied(both))), "layers 1 and 2 share a parameter"
    )


def test_many_functions_share_nothing() -> None:
    """What was dropped leaves its address to the next one."""
    probed(of_numbers(*[lambda: nn.Linear(WIDTH, WIDTH)] * 30))


def test_a_function_that_makes_other_parameters() -> None:
    text = refused(between(lambda: Tied(torch.full((WIDTH, WIDTH), random.random()))))
    assert_said(text, "the function of layer 1 (Tied) makes other parameters each time", "torch seeded alike")
    counter = iter(range(3, 100))
    assert_said(refused(between(lambda: nn.Linear(WIDTH, next(counter)))), "makes other parameters each time")


def test_a_state_needs_time() -> None:
    text = refused(of_words(nn.LSTM(WIDTH, WIDTH, batch_first=True)))
    assert_said(text, "layer 1 (LSTM) has a state", "no time_dimension")


class Stateful(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x, state):
        return self.function(x, state)


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (nn.LSTM(WIDTH, 3, bidirectional=True, batch_first=True), ["layer 1 (LSTM)", "looks ahead or keeps no state"]),
        (nn.TransformerEncoderLayer(WIDTH, 2, 8, 0.0, batch_first=True), ["looks ahead or keeps no state"]),
        (Block(lambda x: x.cumsum(1)), ["layer 1 (Block)", "looks ahead or keeps no state"]),
        (Block(lambda x: x + torch.arange(x.shape[1])[:, None]), ["looks ahead or keeps no state"]),
        (Block(lambda x: x.mean(1)), ["looks ahead or keeps no state"]),
        (Block(lambda x: x @ x.mT), ["layer 1 (Block)", "cannot be put together", "a chunk of 4 time steps"]),
        (Stateful(lambda x, state: (x, None)), ["the state of layer 1 (Stateful) has None in it"]),
        (Stateful(lambda x, state: x), ["layer 1 (Stateful) takes two arguments", "(output, state)", "a Tensor"]),
        (Stateful(lambda x, state: (x, x, x)), ["takes two arguments"]),
        (Stateful(lambda x, state: (x + 0 * state, x)), ["TypeError"]),
        (Stateful(lambda x, state: (x.cumsum(1), x)), ["looks ahead or keeps no state"]),
        (Stateful(lambda x, state: ([x], x)), ["the output of layer 1 (Stateful) is a list"]),
    ],
)  # fmt: skip
def test_a_layer_that_cannot_be_cut_in_time(layer: nn.Module, said: list[str]) -> None:
    assert_said(refused(along_time(layer), chunks=3), *said)


@pytest.mark.parametrize(
    "layer", [Block(lambda x: x.cumsum(1)), nn.LSTM(WIDTH, 3, bidirectional=True, batch_first=True)]
)
def test_what_cannot_be_cut_in_time_passes_with_one_chunk(layer: nn.Module) -> None:
    probed(along_time(layer), chunks=1)


# The loss.


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
        (lambda output, target: raises(output), "loss: ValueError: not like this (test_probes.py, line "),
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


# The dtype.


def test_a_layer_that_runs_in_float32_only() -> None:
    probed(between(Only32()))
    text = refused(between(Only32()), dtype="float64")
    assert_said(text, "layer 1 (Only32): RuntimeError", "(samples.py, line ", "use --dtype float32")


def test_a_layer_that_runs_in_float32_only_and_mixes() -> None:
    assert_said(refused(between(Only32(lambda x: x - x.mean(0)))), "layer 1 (Only32) mixes")
    assert_said(refused(between(Only32(lambda x: dropout(x, 1e-9)))), "layer 1 (Only32) draws")


def test_a_loss_that_runs_in_float32_only() -> None:
    probed(of_numbers(nn.Linear(WIDTH, CLASSES), loss=weighted))
    text = refused(of_numbers(nn.Linear(WIDTH, CLASSES), loss=weighted), dtype="float64")
    assert_said(text, "loss: RuntimeError", "use --dtype float32")


# The batch.


def test_a_batch_that_does_not_use_its_generator() -> None:
    other = lambda n, g: (torch.randn(n, WIDTH), numbers(n, g)[1])  # noqa: E731
    text = refused(of_numbers(nn.Linear(WIDTH, CLASSES), batch=other))
    assert_said(
        text, "batch gives other values for the same seed", "draw from the generator that it is given"
    )
    numbered = iter(range(100))
    counted = lambda n, g: (numbers(n, g)[0] + next(numbered), numbers(n, g)[1])  # noqa: E731
    assert_said(
        refused(of_numbers(nn.Linear(WIDTH, CLASSES), batch=counted)), "other values for the same seed"
    )


def test_probes_leave_the_users_modules_alone() -> None:
    layer = nn.Linear(WIDTH, CLASSES).eval()
    before = layer.weight.clone()
    probed(of_numbers(layer), dtype="float64")
    assert layer.weight.dtype == torch.float32
    assert torch.equal(layer.weight, before)
    assert not layer.training


def test_layers_are_made_and_dropped_one_at_a_time() -> None:
    alive, most = [0], [0]

    class Counted(nn.Linear):
        def __init__(self) -> None:
            super().__init__(WIDTH, WIDTH)
            alive[0] += 1
            most[0] = max(most[0], alive[0])

        def __del__(self) -> None:
            alive[0] -= 1

    probed(of_numbers(*[Counted] * 10))
    assert most[0] <= 3
