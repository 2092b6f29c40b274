"""What else a model of one's own may need; README.md says when."""

from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader, TensorDataset

import pipebench

DATA = TensorDataset(*torch.randn(2, 1000, 32))  # the same in every process: torch is seeded before


def loss(output, target):
    return mse_loss(output, target, reduction="sum")


# A data set of one's own: the loader draws its indices from the generator.
def batch(size, generator):
    loader = DataLoader(DATA, batch_size=size, shuffle=True, generator=generator)
    return tuple(next(iter(loader)))


def stack():
    return nn.Sequential(*[nn.Sequential(nn.Linear(32, 32), nn.Tanh()) for _ in range(4)])


# Weights of a checkpoint: the modules are copied, and nobody draws their parameters anew.
def trained():
    layers = stack()
    layers.load_state_dict(torch.load(Path(__file__).with_name("checkpoint.pt"), weights_only=True))
    return pipebench.Model(layers, loss, batch)


# Tied weights, untied: the last layer starts from a copy of the first one's, and has a gradient of its own.
def untied():
    first, last = nn.Linear(32, 32), nn.Linear(32, 32)
    last.weight = nn.Parameter(first.weight.detach().clone())
    return pipebench.Model([first, nn.Tanh(), nn.Linear(32, 32), last], loss, batch)


# A state that goes from chunk to chunk of time: forward(input, state) returns (output, state).
def along_time():
    def series(size, generator):
        return tuple(torch.randn(2, 40, size, 32, generator=generator))

    return pipebench.Model(
        [lambda: nn.GRU(32, 32), lambda: nn.LSTM(32, 32), lambda: nn.Linear(32, 32)],
        loss,
        series,
        unit="steps",
        items=lambda target: target.shape[0] * target.shape[1],
        batch_dimension=1,
        time_dimension=0,
    )
