"""Batches of sentence pairs as tensors: cut along the batch and along time, each slice as long as its sentences.

    encoder   its words are read backwards, and all sentences end together    . . c b a
    decoder   end of the source, then the target's words                      </s> w x y
    target    the target's words, then its end                                w x y </s>

A microbatch is as long as its longest sentence, at least one step for each chunk, and is cut into chunks that differ by
one step at most.

Shape suffixes: T time steps of the slice, B sentences of the slice.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from pipebench.models.pairs.data import PairBatch, Sentences
from pipebench.models.text.data import END, PADDING


class Cut(NamedTuple):
    """The slices of one microbatch in one segment of time.

    ``inputs`` are words [T, B]. The encoder's ``targets`` say how many sentences have begun at each time step; the
    decoder's are its next words, flat.
    """

    inputs: list[Tensor]
    targets: list[Tensor]

    @property
    def steps(self) -> tuple[int, ...]:
        """How many time steps each slice has."""
        return tuple(words_TB.shape[0] for words_TB in self.inputs)


def microbatches_of(batch: PairBatch, count: int) -> list[tuple[list[Tensor], list[Tensor]]]:
    """The sentences of each microbatch, source and target: each a tensor of its words.

    Args:
        batch: sentence pairs, those with long sources first.
        count: how many microbatches; it divides the number of pairs.
    """
    sides = [_sentences(side) for side in (batch.source, batch.target)]
    size = len(sides[0]) // count
    return [
        (sides[0][first : first + size], sides[1][first : first + size])
        for first in range(0, size * count, size)
    ]


def encoder_cut(sources: Sequence[Tensor], chunks: int, device: torch.device | None) -> Cut:
    """The encoder's slices of a microbatch."""
    length = max(chunks, *(len(source) for source in sources))
    words_TB = torch.full((length, len(sources)), PADDING, dtype=torch.int64)
    for number, source in enumerate(sources):
        words_TB[length - len(source) :, number] = source.flip(0)
    begun_T = torch.tensor(
        [sum(len(source) >= length - step for source in sources) for step in range(length)]
    )
    return Cut(_chunks(words_TB, chunks, device), [*begun_T.tensor_split(chunks)])


def decoder_cut(targets: Sequence[Tensor], chunks: int, device: torch.device | None) -> Cut:
    """The decoder's slices of a microbatch."""
    length = max(chunks, *(len(target) for target in targets))
    inputs_TB, targets_TB = (torch.full((length, len(targets)), PADDING, dtype=torch.int64) for _ in range(2))
    for number, target in enumerate(targets):
        targets_TB[: len(target), number] = target
        inputs_TB[1 : len(target), number] = target[:-1]
    inputs_TB[0] = END
    next_words = [part.flatten() for part in _chunks(targets_TB, chunks, device)]
    return Cut(_chunks(inputs_TB, chunks, device), next_words)


def _sentences(side: Sentences) -> list[Tensor]:
    words = torch.frombuffer(bytearray(side.words), dtype=torch.int64)
    return [*torch.split(words, list(side.lengths))]


def _chunks(words_TB: Tensor, chunks: int, device: torch.device | None) -> list[Tensor]:
    return [part.contiguous().to(device) for part in words_TB.tensor_split(chunks)]
