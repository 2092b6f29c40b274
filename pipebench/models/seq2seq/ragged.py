"""An LSTM layer over sentences of unequal length, as if each one stood alone.

The sentences of a slice end together and begin one after the other, the longest first. That is so because their words
are read backwards, and end with the sentence's first word:

    a  a  a  a  a
    .  .  b  b  b          steps 0-1 have 1 sentence, steps 2-4 have 2
    .  .  .  .  .          (one that has not begun yet)

So each time step has the first few sentences of the slice. Time steps with equally many sentences are one call of the
layer. A sentence that has not begun is not computed, and begins with a state of zeros. Before that the layer's output
is zeros, which are not used.

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
        input_TBH: the slice's input.
        begun_T: how many sentences have begun at each time step; never fewer than before.
        state: that of the sentences that began before the slice; ``None`` if there are none.

    Returns:
        Output [T, B, H], and the state of the sentences that have begun by the last time step.
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
    """The state, with zeros for the sentences that begin."""
    h, c = (
        pad(tensor, (0, 0, 0, begun - tensor.shape[1])) if begun > tensor.shape[1] else tensor
        for tensor in state
    )
    return h.contiguous(), c.contiguous()
