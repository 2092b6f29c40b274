"""The state that a layer hands from chunk to chunk.

A layer keeps -2 times its cell state: tanh(c) = 1 - 2 sigmoid(-2c), and a sigmoid takes a sixth of a tanh's time here.
Nothing else in a pipeline reads it, so it is handed on as it is.
"""

from typing import NamedTuple

from torch import Tensor

_SCALE = -2.0  # scaled = _SCALE x cell


class State(NamedTuple):
    """Hidden and scaled cell state [B, H] of one layer, in its memory: the next step's forward overwrites them."""

    hidden: Tensor
    scaled: Tensor

    @classmethod
    def of(cls, hidden: Tensor, cell: Tensor) -> "State":
        """Make a state from ``nn.LSTM``'s h and c, each [B, H]."""
        return cls(hidden, cell * _SCALE)

    @property
    def cell(self) -> Tensor:
        """``nn.LSTM``'s c."""
        return self.scaled / _SCALE


class StateGradient(NamedTuple):
    """The loss's gradients with respect to a ``State``'s tensors; ``None`` is zeros."""

    hidden: Tensor | None
    scaled: Tensor | None

    @classmethod
    def of(cls, hidden: Tensor | None, cell: Tensor | None) -> "StateGradient":
        """Make it from the gradients with respect to ``nn.LSTM``'s h and c."""
        return cls(hidden, None if cell is None else cell / _SCALE)

    @property
    def cell(self) -> Tensor | None:
        """The gradient with respect to ``nn.LSTM``'s c."""
        return None if self.scaled is None else self.scaled * _SCALE
