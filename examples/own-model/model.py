"""A small Transformer that learns to sort digits, 6 blocks between an embedding and a head."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

import pipebench

DIGITS, LONGEST, WIDTH, PADDING = 10, 24, 128, -100


class Embed(nn.Module):
    def __init__(self):
        super().__init__()
        self.digit, self.place = nn.Embedding(DIGITS, WIDTH), nn.Embedding(LONGEST, WIDTH)

    def forward(self, input):  # a tuple goes from layer to layer as one argument
        digits, mask = input
        return self.digit(digits) + self.place.weight, mask


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = nn.TransformerEncoderLayer(WIDTH, 4, 4 * WIDTH, dropout=0.0, batch_first=True)

    def forward(self, input):
        hidden, mask = input
        return self.block(hidden, src_key_padding_mask=~mask), mask  # the mask passes through


class Head(nn.Linear):
    def forward(self, input):
        return super().forward(input[0])


def loss(output, target):  # the sum: the run divides by the digits of the whole batch
    return cross_entropy(output.flatten(0, 1), target.flatten(), ignore_index=PADDING, reduction="sum")


def batch(size, generator):  # all that is random comes from the generator
    digits = torch.randint(DIGITS, (size, LONGEST), generator=generator)
    mask = torch.arange(LONGEST) < torch.randint(4, LONGEST + 1, (size, 1), generator=generator)
    ordered = digits.masked_fill(~mask, DIGITS).sort(1).values
    return (digits, mask), ordered.masked_fill(~mask, PADDING)


def build():
    return pipebench.Model(
        layers=[Embed, *[Block] * 6, lambda: Head(WIDTH, DIGITS)],  # each makes a layer anew
        loss=loss,
        batch=batch,
        unit="digits",
        items=lambda target: int((target != PADDING).sum()),
        optimizer=lambda parameters: torch.optim.AdamW(parameters, lr=1e-3),
    )
