"""Models as a user would write them, small: what is measured in tests of layers of the user's own."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from pipebench import Model

Masked = tuple[Tensor, Tensor]


def classes(output: Tensor, target: Tensor) -> Tensor:
    return cross_entropy(output, target, reduction="sum")


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(12, 24), nn.Linear(24, 12)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.down(torch.relu(self.up(x)))


def points(size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    return torch.randn(size, 12, generator=generator), torch.randint(12, (size,), generator=generator)


residual = Model([Residual] * 8, classes, points, batch_size=16)


class Convolution(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(before, after, 3, padding=1), nn.GroupNorm(2, after)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.norm(self.convolution(x)))


def pictures(size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    return torch.randn(size, 3, 6, 6, generator=generator), torch.randint(5, (size,), generator=generator)


def convolution() -> Model:
    """A function that returns the model, and an ``nn.Sequential`` of modules with an optimizer of its own."""
    layers = nn.Sequential(
        *(Convolution(3, 4), Convolution(4, 4), Convolution(4, 8), Convolution(8, 8)),
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)),
    )
    return Model(layers, classes, pictures, batch_size=8, optimizer=lambda p: torch.optim.AdamW(p, lr=1e-3))


class Embedding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 8)

    def forward(self, x: Masked) -> Masked:
        ids, mask = x
        return self.embedding(ids), mask


class Attention(nn.Module):
    """Passes its mask through, and hands a number on that the next layer does not use."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.out = nn.Linear(8, 24), nn.Linear(8, 8)

    def forward(self, x: Masked) -> Masked:
        hidden, mask = x
        query, key, value = self.query(hidden).chunk(3, -1)
        scores = (query @ key.transpose(1, 2)).masked_fill(~mask[:, None, :], -1e9)
        return hidden + self.out(scores.softmax(-1) @ value), mask


class Out(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 20)

    def forward(self, x: Masked) -> Tensor:
        return self.linear(x[0])


def sentences(size: int, generator: torch.Generator) -> tuple[Masked, Tensor]:
    ids = torch.randint(20, (size, 5), generator=generator)
    mask = torch.arange(5)[None] < torch.randint(1, 6, (size, 1), generator=generator)
    return (ids, mask), ids.masked_fill(~mask, -100)


masked = Model(
    [Embedding, Attention, Attention, Attention, Out],
    lambda output, target: classes(output.flatten(0, 1), target.flatten()),
    sentences,
    unit="words",
    items=lambda target: int((target != -100).sum()),
    batch_size=8,
)


class Leaky(nn.Module):
    """A state of the user's own, a tuple of two: a running sum that leaks, and the last input."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.gate = nn.Linear(6, 6), nn.Parameter(torch.tensor(0.5))

    def forward(self, x_TBH: Tensor, state: Masked | None) -> tuple[Tensor, Masked]:
        total, last = (x_TBH.new_zeros(x_TBH.shape[1:]),) * 2 if state is None else state
        outputs = []
        for x_BH in x_TBH:
            total = self.gate * total + torch.tanh(self.inner(x_BH) + last)
            last = x_BH
            outputs.append(total)
        return torch.stack(outputs), (total, last)


def series(size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    return torch.randn(8, size, 6, generator=generator), torch.randn(8, size, 6, generator=generator)


stateful = Model(
    [Leaky, lambda: nn.Linear(6, 6), Leaky, lambda: nn.GRU(6, 6)],
    lambda output, target: ((output - target) ** 2).sum(),
    series,
    unit="steps",
    items=lambda target: target.shape[0] * target.shape[1],
    batch_size=8,
    batch_dimension=1,
    time_dimension=0,
)


class Oscillator(nn.Module):
    """A complex state, and a counter that needs no gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.decay = nn.Linear(6, 6), nn.Parameter(torch.linspace(0.1, 0.9, 6))

    def forward(self, x_TBH: Tensor, state: Masked | None) -> tuple[Tensor, Masked]:
        wave, count = (
            (x_TBH.new_zeros(x_TBH.shape[1:]).to(torch.complex64), x_TBH.new_zeros(()))
            if state is None
            else state
        )
        turn = torch.polar(self.decay, self.decay * 2)
        outputs = []
        for x_BH in self.inner(x_TBH):
            wave, count = wave * turn + x_BH, count + 1
            outputs.append(wave.real + wave.imag)
        return torch.stack(outputs) * (1 + 0 * count), (wave, count)


oscillating = Model(
    [Oscillator, lambda: nn.Linear(6, 6), Oscillator],
    stateful.loss,
    series,
    unit="steps",
    items=stateful.items,
    batch_size=8,
    batch_dimension=1,
    time_dimension=0,
)


class Writing(torch.optim.SGD):
    """Writes into the gradients that it is given, as clamping does."""

    def step(self, closure: None = None) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.grad.clamp_(-0.01, 0.01)
        super().step()


writing = Model([Residual] * 4, classes, points, batch_size=16, optimizer=lambda p: Writing(p, lr=0.1))
partial = Model(
    [Residual] * 4,
    classes,
    points,
    batch_size=16,
    optimizer=lambda p: torch.optim.SGD([q for q in p if q.dim() > 1], lr=0.1),
)


class Normed(torch.optim.SGD):
    """Divides by the norm of all that it is given: each device would have a norm of its own."""

    def step(self, closure: None = None) -> None:
        every = [parameter for group in self.param_groups for parameter in group["params"]]
        norm = torch.stack(
            [parameter.grad.norm() for parameter in every if parameter.grad is not None]
        ).norm()
        for parameter in every:
            if parameter.grad is not None:
                parameter.grad /= norm + 1e-9
        super().step()


normed = Model([Residual] * 4, classes, points, batch_size=16, optimizer=lambda p: Normed(p, lr=0.1))
