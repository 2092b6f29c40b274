"""What a part keeps of one microbatch, from its first forward to its last W."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from pipebench.models.split import Payload
from pipebench.models.stacked_lstm.split.buffers import Buffers, Chunk
from pipebench.models.stacked_lstm.split.head import HeadBuffers, HeadChunk
from pipebench.models.stacked_lstm.split.state import State, StateGradient


class Place(NamedTuple):
    """Of one chunk: each layer's chunk, and views of them that nobody need make again."""

    layers: list[Chunk]
    before: list[State] | None
    input_: Tensor | None  # of the lowest layer, [T, B, H]
    rows: Tensor | None  # the same, [N, H]
    payload: Payload | None  # the highest layer's output


class Kept:
    """Memory of one microbatch; when all W are done another one may have it.

    Args:
        layers: each one's buffers.
        head: likewise, where the part has one.
        chunks: of the plan.
    """

    def __init__(self, layers: list[Buffers], head: HeadBuffers | None, chunks: int) -> None:
        self._head = head
        steps = len(layers[0].steps) // chunks if layers else 0
        self.places = [_place(layers, first * steps, (first + 1) * steps) for first in range(chunks)]
        self.head_chunks: list[HeadChunk] = head.chunks if head else []
        self.after: list[StateGradient] | None = None  # of the chunk whose I comes next
        self.left = chunks  # whose W has not been done

    @property
    def head_buffers(self) -> HeadBuffers:
        """Of a part that has a head."""
        assert self._head is not None
        return self._head

    def renewed(self) -> "Kept":
        """For another microbatch."""
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
        make: more of it.
        microbatches: of the plan.
    """

    def __init__(self, make: Callable[[], Kept], microbatches: int) -> None:
        self._make = make
        self._free: list[Kept] = []
        self._of: list[Kept | None] = [None] * microbatches

    def of(self, microbatch: int) -> Kept:
        """The memory of a microbatch, which gets some with its first forward."""
        kept = self._of[microbatch]
        if kept is None:
            kept = self._of[microbatch] = self._free.pop().renewed() if self._free else self._make()
        return kept

    def done(self, microbatch: int) -> None:
        """One chunk's W; the last one's gives the memory back."""
        kept = self.of(microbatch)
        kept.left -= 1
        if kept.left == 0:
            self._of[microbatch] = None
            self._free.append(kept)
