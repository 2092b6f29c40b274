"""Small models of a user's, and how they are probed."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from pipebench import Model
from pipebench.errors import ExitCode, UsageError
from pipebench.models.own.batches import batches, time_length
from pipebench.models.own.fields import check_fields
from pipebench.models.own.probes import probe, probe_batch

WIDTH, CLASSES, WORDS, STEPS = 6, 4, 20, 12


def numbers(size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Input [size, WIDTH], target [size]."""
    input_ = torch.randn(size, WIDTH, generator=generator)
    return input_, torch.randint(CLASSES, (size,), generator=generator)


def words(size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Input and target [size, STEPS]."""
    drawn = torch.randint(WORDS, (size, STEPS + 1), generator=generator)
    return drawn[:, :-1], drawn[:, 1:]


def words_in_time(size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Input and target [STEPS, size]."""
    input_, target = words(size, generator)
    return input_.t(), target.t()


def summed(output: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy over the last dimension."""
    return cross_entropy(output.flatten(0, -2), target.flatten(), reduction="sum")


def of_numbers(*layers, **fields) -> Model:
    """A model on ``numbers``."""
    return Model(list(layers), fields.pop("loss", summed), fields.pop("batch", numbers), **fields)


def of_words(*layers, **fields) -> Model:
    """A model on ``words``, its embedding and its projection around the layers."""
    whole = [nn.Embedding(WORDS, WIDTH), *layers, nn.Linear(WIDTH, WORDS)]
    return Model(whole, fields.pop("loss", summed), fields.pop("batch", words), **fields)


def between(layer, **fields) -> Model:
    """A layer from WIDTH to WIDTH with a linear one on either side: it is layer 1."""
    return of_numbers(nn.Linear(WIDTH, WIDTH), layer, nn.Linear(WIDTH, CLASSES), **fields)


def probed(
    model: Model, *, dtype: str = "float32", size: int = 8, microbatches: int = 2, chunks: int = 1
) -> None:
    """All that is refused before anything is timed."""
    check_fields(model)
    drawn = batches(model, size=size, seed=1, dtype=dtype)
    probe_batch(model, drawn[0], size=size, seed=1, dtype=dtype)
    assert chunks == 1 or time_length(model, drawn[0])
    probe(
        model, drawn[0], seed=1, dtype=dtype, microbatches=microbatches, chunks=chunks, tell=lambda text: None
    )


class Block(nn.Module):
    """A layer of one function."""

    def __init__(self, function, *, parameters: bool = False) -> None:
        super().__init__()
        self.function = function
        self.linear = nn.Linear(WIDTH, WIDTH) if parameters else nn.Identity()

    def forward(self, x):
        return self.function(self.linear(x))


class Only32(nn.Module):
    """Runs in float32 only."""

    def __init__(self, function=lambda x: x) -> None:
        super().__init__()
        self.function = function
        self.table = torch.randn(WIDTH, WIDTH)  # neither parameter nor buffer

    def forward(self, x):
        return self.function(x @ self.table)


class Force(nn.Module):
    """Gives the gradient of a number by its input."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(WIDTH, 1)

    def forward(self, x):
        energy = self.inner(x).square().sum()
        return torch.autograd.grad(energy, x, create_graph=True)[0]


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


class Tied(nn.Module):
    def __init__(self, weight) -> None:
        super().__init__()
        self.weight = weight if isinstance(weight, nn.Parameter) else nn.Parameter(weight)

    def forward(self, x):
        return x @ self.weight


def raises(x):
    raise ValueError("not like this")
