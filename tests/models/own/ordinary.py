"""Models that a pipeline computes exactly."""

from functools import partial

import torch
from torch import nn
from torch.nn.functional import gelu
from torch.nn.utils.parametrizations import weight_norm

from pipebench import Model
from tests.models.own.samples import (
    CLASSES,
    STEPS,
    WIDTH,
    WORDS,
    Block,
    Force,
    between,
    numbers,
    of_numbers,
    of_words,
    summed,
    words,
    words_in_time,
)


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
