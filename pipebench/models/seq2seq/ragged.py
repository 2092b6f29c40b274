"""An LSTM layer over sentences of unequal length, as if each one stood alone.

The sentences of a slice end together and begin one after the other, the longest first, as words that are read
backwards do when they end with the sentence's first word:

    a  a  a  a  a
    .  .  b  b  b          steps 0-1 have 1 sentence, steps 2-4 have 2
    .  .  .  .  .          (one that has not begun yet)

So the sentences of a step are the first few of the slice. Steps with as many of them are one call of the layer; what
has not begun is not computed, and begins with a state of zeros. A layer's output there is zeros, which nobody looks at.

Shape suffixes: T time steps of the slice, B sentences of the slice, A those that have begun, H hidden.
"""

from collections.abc import Sequence
from itertools import groupby

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

State = tuple[Tensor, Tensor]  # h and c of a layer, [1, A, H] each


def run(
    lstm: nn.LSTM, input_TBH: Tensor, begun_T: Sequence[int], state: State | None
) -> tuple[Tensor, State]:
    """The layer's output, and its state after the last step.

    Args:
        lstm: one layer, time-major.
        input_TBH: of the slice.
        begun_T: how many sentences have begun, by step; never fewer than before.
        state: of those that had begun before the slice; ``None``: of none.

    Returns:
        Output [T, B, H], and the state of those that have begun by the last step.
    """
    sentences = input_TBH.shape[1]
    if state is None:
        nobody = input_TBH.new_zeros(1, 0, lstm.hidden_size)
        state = nobody, nobody
    outputs: list[Tensor] = []
    first = 0
    for begun, steps in groupby(begun_T):
        end = first + len(list(steps))
        state = _extended(state, begun)
        if begun:
            output_TAH, state = lstm(input_TBH[first:end, :begun].contiguous(), state)
            outputs.append(pad(output_TAH, (0, 0, 0, sentences - begun)) if begun < sentences else output_TAH)
        else:
            outputs.append(input_TBH.new_zeros(end - first, sentences, lstm.hidden_size))
        first = end
    return outputs[0] if len(outputs) == 1 else torch.cat(outputs), state


def _extended(state: State, begun: int) -> State:
    """With zeros for those that begin."""
    h, c = (
        pad(tensor, (0, 0, 0, begun - tensor.shape[1])) if begun > tensor.shape[1] else tensor
        for tensor in state
    )
    return h.contiguous(), c.contiguous()
