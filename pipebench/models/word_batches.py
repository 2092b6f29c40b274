"""A batch of words as tensors, cut into slices."""

from typing import Protocol

import torch
from torch import Tensor

from pipebench.models.network import StepBatch
from pipebench.models.text.data import Batch


class Sizes(Protocol):
    """The sizes of a batch."""

    @property
    def batch(self) -> int:
        """Sequences."""

    @property
    def sequence_length(self) -> int:
        """Words of each sequence."""


def step_batch(
    batch: Batch,
    sizes: Sizes,
    *,
    microbatches: int,
    chunks: int | None,
    device: torch.device | None,
    batch_first: bool = False,
) -> StepBatch:
    """``inputs[m][c]`` int64 [T / chunks, B / microbatches], and ``targets[m][c]``: their next words, flat.

    Args:
        batch: its words.
        sizes: of the batch.
        microbatches: slices of its sequences.
        chunks: slices of time; ``None`` means one.
        device: where the tensors are to be.
        batch_first: whether slices are [B / microbatches, T / chunks] instead.
    """

    def cut(words: bytes) -> list[list[Tensor]]:
        whole_TB = torch.frombuffer(bytearray(words), dtype=torch.int64)
        whole_TB = whole_TB.view(sizes.sequence_length, sizes.batch).to(device)
        return [
            [(part.t() if batch_first else part).contiguous() for part in columns.chunk(chunks or 1, dim=0)]
            for columns in whole_TB.chunk(microbatches, dim=1)
        ]

    targets = [[part.flatten() for part in parts] for parts in cut(batch.targets)]
    return StepBatch(cut(batch.inputs), targets, batch.words)
