"""What a part keeps of one microbatch, from its first forward to its last W."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from pipebench.models.split import Payload
from pipebench.models.stacked_lstm.split.buffers import Buffers, Chunk
from pipebench.models.stacked_lstm.split.head import HeadBuffers, HeadChunk
from pipebench.models.stacked_lstm.split.state import State, StateGradient


class Place(NamedTuple):
    """The memory of one chunk of the part: each layer's chunk, and views that are made once.

    ``before`` is ``None`` for a microbatch's first chunk, whose state is zeros. A part without layers has ``None`` in
    all of the last four.
    """

    layers: list[Chunk]
    before: list[State] | None
    input_: Tensor | None  # the lowest layer's input, [T, B, H]
    rows: Tensor | None  # the same memory as [N, H]
    payload: Payload | None  # the highest layer's output


class Kept:
    """The memory of one microbatch; when all its W are done, another microbatch may use it.

    Args:
        layers: the buffers of each layer.
        head: the buffers of the head, if the part has one.
        chunks: of the plan.
    """

    def __init__(self, layers: list[Buffers], head: HeadBuffers | None, chunks: int) -> None:
        self._head = head
        steps = len(layers[0].steps) // chunks if layers else 0
        self.places = [_place(layers, first * steps, (first + 1) * steps) for first in range(chunks)]
        self.head_chunks: list[HeadChunk] = head.chunks if head else []
        self.after: list[StateGradient] | None = None  # for the chunk whose I comes next
        self.left = chunks  # how many chunks have their W still to come

    @property
    def head_buffers(self) -> HeadBuffers:
        """The buffers of the head; the part must have one."""
        assert self._head is not None
        return self._head

    def renewed(self) -> "Kept":
        """Reset this memory for another microbatch, and return it."""
        self.after, self.left = None, len(self.places)
        return self


def _place(layers: list[Buffers], first: int, end: int) -> Place:
    chunks = [buffers.chunk(first, end) for buffers in layers]
    if not chunks:
        return Place([], None, None, None, None)
    before = [chunk.before for chunk in chunks] if first else None
    input_TBH = chunks[0].input_TBH
    input_NH = chunks[0].both_NK[:, : input_TBH.shape[-1]]
    return Place(chunks, before, input_TBH, input_NH, (chunks[-1].output_TBH,))


class Pool:
    """Memory that is made as microbatches come, and used again.

    Args:
        make: makes the memory of one more microbatch.
        microbatches: of the plan.
    """

    def __init__(self, make: Callable[[], Kept], microbatches: int) -> None:
        self._make = make
        self._free: list[Kept] = []
        self._of: list[Kept | None] = [None] * microbatches

    def of(self, microbatch: int) -> Kept:
        """The memory of a microbatch; the first call for it, at its first forward, takes or makes some."""
        kept = self._of[microbatch]
        if kept is None:
            kept = self._of[microbatch] = self._free.pop().renewed() if self._free else self._make()
        return kept

    def done(self, microbatch: int) -> None:
        """Note that the W of one chunk is done; after the last chunk's the memory is free."""
        kept = self.of(microbatch)
        kept.left -= 1
        if kept.left == 0:
            self._of[microbatch] = None
            self._free.append(kept)
