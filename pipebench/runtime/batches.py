"""Batches as tensors, sliced once for a plan: nothing is sliced inside a timed step."""

from typing import NamedTuple

import torch
from torch import Tensor

from pipebench.models.text.data import Batch
from pipebench.workload import Workload


class StepBatch(NamedTuple):
    """The words of one step by microbatch and chunk.

    ``inputs[m][c]`` is int64 [T / chunks, B / microbatches]; ``targets[m][c]`` is its flat next words;
    ``words`` counts the whole batch's targets without padding.
    """

    inputs: list[list[Tensor]]
    targets: list[list[Tensor]]
    words: int


def slice_batch(
    batch: Batch,
    workload: Workload,
    *,
    microbatches: int = 1,
    chunks: int = 1,
    device: torch.device | None = None,
) -> StepBatch:
    """Cut a batch along both axes, on the device where it is used (default: the CPU)."""

    def cut(words: bytes) -> list[list[Tensor]]:
        whole_TB = torch.frombuffer(bytearray(words), dtype=torch.int64)
        whole_TB = whole_TB.view(workload.sequence_length, workload.batch).to(device)
        return [
            [part.contiguous() for part in columns.chunk(chunks, dim=0)]
            for columns in whole_TB.chunk(microbatches, dim=1)
        ]

    targets = [[part.flatten() for part in parts] for parts in cut(batch.targets)]
    return StepBatch(cut(batch.inputs), targets, batch.words)
