"""What one layer saves for one microbatch, from its forward to the gradients of its parameters.

The buffers are made once and used again in every step, so no step allocates them. All views that a time step needs are
made with them, since a view costs a microsecond and a time step has a dozen.

Shape suffixes: T time steps, B sequences, H hidden, K both inputs of a product: 2H, G gates: 4H.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from pipebench.models.stacked_lstm.split.state import State


class Gates(NamedTuple):
    """Views [B, H] of one time step, in ``nn.LSTM``'s order."""

    input: Tensor
    forget: Tensor
    candidate: Tensor  # a sigmoid too: tanh(z) = 1 - 2 sigmoid(-2z)
    output: Tensor


class Step(NamedTuple):
    """Views [B, H] of one time step; ``both`` is [B, 2H] and ``all_gates`` [B, 4H]."""

    both: Tensor  # [x | h before]
    hidden: Tensor  # after
    scaled_before: Tensor  # -2 times the cell state
    scaled: Tensor
    candidate: Tensor  # -2 times the candidate
    squashed: Tensor  # tanh of the cell state
    all_gates: Tensor  # after I: the gradients of the gates' arguments, the candidate's being scaled
    gates: Gates


class Buffers:
    """The memory of one layer for whole sequences; chunks are views of it.

    Args:
        steps: time steps.
        batch: sequences.
        like: a parameter [4H, H], for size, type and device.
    """

    def __init__(self, steps: int, batch: int, like: Tensor) -> None:
        hidden = like.shape[1]
        empty = like.detach().new_zeros
        self.both_TBK = empty(steps + 1, batch, 2 * hidden)  # row t: x of step t, h after step t - 1
        self.gates_TBG = empty(steps, batch, 4 * hidden)
        self.scaled_BH = [*empty(steps + 1, batch, hidden).unbind(0)]  # row t: after step t - 1
        self.hidden_BH = [*self.both_TBK[..., hidden:].unbind(0)]
        kept_BH = [empty(steps, batch, hidden).unbind(0) for _ in ("candidate", "squashed")]
        self.steps = [
            self._step(t, candidate, squashed)
            for t, (candidate, squashed) in enumerate(zip(*kept_BH, strict=True))
        ]
        # What a backward works in.
        self.scratch_BG = empty(batch, 4 * hidden)
        self.scratch = Gates(*self.scratch_BG.chunk(4, 1))
        self.hidden_gradient_BH = empty(batch, hidden)
        self.scaled_gradient_BH = empty(batch, hidden)

    def _step(self, t: int, candidate_BH: Tensor, squashed_BH: Tensor) -> Step:
        """Views of time step ``t``."""
        gates_BG = self.gates_TBG[t]
        return Step(
            both=self.both_TBK[t],
            hidden=self.hidden_BH[t + 1],
            scaled_before=self.scaled_BH[t],
            scaled=self.scaled_BH[t + 1],
            candidate=candidate_BH,
            squashed=squashed_BH,
            all_gates=gates_BG,
            gates=Gates(*gates_BG.chunk(4, 1)),
        )

    def chunk(self, first: int, end: int) -> "Chunk":
        """Time steps ``first`` to ``end - 1``."""
        return Chunk(self, first, end)


class Chunk:
    """Some time steps of the buffers. F saves into them, I replaces the gates by their gradients, and W reads them."""

    def __init__(self, buffers: Buffers, first: int, end: int) -> None:
        assert 0 <= first < end <= len(buffers.steps), "a chunk is a range of the buffers' time steps"
        self.buffers, self.first, self.end = buffers, first, end
        hidden = buffers.hidden_BH[0].shape[1]
        self.steps: Sequence[Step] = buffers.steps[first:end]
        self.input_TBH = buffers.both_TBK[first:end, :, :hidden]
        self.output_TBH = buffers.both_TBK[first + 1 : end + 1, :, hidden:]
        self.before = State(buffers.hidden_BH[first], buffers.scaled_BH[first])
        self.after = State(buffers.hidden_BH[end], buffers.scaled_BH[end])
        self.both_NK = buffers.both_TBK[first:end].flatten(0, 1)
        self.gates_NG = buffers.gates_TBG[first:end].flatten(0, 1)


class Rows(NamedTuple):
    """Dense operands of W."""

    both: Tensor  # [N, 2H]
    gates: Tensor  # [N, 4H]


def rows_of(pending: Iterable[Chunk]) -> list[Rows]:
    """The operands of W for all chunks that wait, joined where that makes the products cheaper.

    Chunks that follow each other in one buffer are one piece, without a copy. If pieces are small, they are copied into
    one. That costs less than adding up their products [2H, 4H]: one addition takes as long as copying about H rows.
    """
    rows = [_rows(buffers, first, end) for buffers, first, end in _runs(pending)]
    if len(rows) > 1 and 2 * sum(len(each.both) for each in rows) < (len(rows) - 1) * rows[0].both.shape[1]:
        return [Rows(*(torch.cat(tensors) for tensors in zip(*rows, strict=True)))]
    return rows


def _rows(buffers: Buffers, first: int, end: int) -> Rows:
    return Rows(buffers.both_TBK[first:end].flatten(0, 1), buffers.gates_TBG[first:end].flatten(0, 1))


def _runs(pending: Iterable[Chunk]) -> Iterator[tuple[Buffers, int, int]]:
    """Ranges ``first`` to ``end - 1`` of time steps, with chunks that follow each other joined.

    Buffers come in the order in which their first chunk was given, and the ranges of each in the order of time.
    """
    of_buffers: dict[int, list[Chunk]] = {}
    for chunk in pending:
        of_buffers.setdefault(id(chunk.buffers), []).append(chunk)
    for chunks in of_buffers.values():
        chunks.sort(key=lambda chunk: chunk.first)
        first, end = chunks[0].first, chunks[0].end
        for chunk in chunks[1:]:
            assert chunk.first >= end, "a chunk waits once"
            if chunk.first > end:
                yield chunk.buffers, first, end
                first = chunk.first
            end = chunk.end
        yield chunks[0].buffers, first, end
