"""The LSTM layers of one stage, split. Outputs go up from layer to layer, and gradients of the inputs come down."""

from collections.abc import Iterable, Sequence

from torch import Tensor, nn

from pipebench.models.stacked_lstm.split.buffers import Buffers, Chunk, Rows
from pipebench.models.stacked_lstm.split.layer import SplitLSTM
from pipebench.models.stacked_lstm.split.products import Products
from pipebench.models.stacked_lstm.split.state import State, StateGradient


class SplitStack:
    """Layers one above the other.

    Args:
        lstms: the layers from the lowest to the highest; see ``SplitLSTM``.
        products: the library that computes products.
    """

    def __init__(self, lstms: Iterable[nn.LSTM], products: Products) -> None:
        self.layers = [SplitLSTM(lstm, products) for lstm in lstms]

    def buffers(self, steps: int, batch: int) -> list[Buffers]:
        """Make the buffers of each layer for one microbatch. Make them once: they are used again in each step."""
        return [layer.buffers(steps, batch) for layer in self.layers]

    def make_forward(self, rows: int) -> None:
        """Make the forward's products of each layer; see ``SplitLSTM.make_forward``."""
        for layer in self.layers:
            layer.make_forward(rows)

    def make_backward(self, rows: int, steps: int) -> None:
        """Make the backward's products of each layer; see ``SplitLSTM.make_backward``."""
        for layer in self.layers:
            layer.make_backward(rows, steps)

    def forward(
        self, chunks: Sequence[Chunk], input_TBH: Tensor, before: Sequence[State] | None = None
    ) -> tuple[Tensor, list[State]]:
        """The highest layer's output [T, B, H] and each layer's state; see ``SplitLSTM.forward``.

        Args:
            chunks: one of each layer's buffers, with the same time steps in all.
            input_TBH: the lowest layer's input.
            before: each layer's state before the first time step; ``None`` means zeros.
        """
        states: list[State] = []
        of_states: Sequence[State | None] = before or [None] * len(self.layers)
        for layer, chunk, state in zip(self.layers, chunks, of_states, strict=True):
            input_TBH, after = layer.forward(chunk, input_TBH, state)
            states.append(after)
        return input_TBH, states

    def backward_input(
        self,
        chunks: Sequence[Chunk],
        gradient_TBH: Tensor | None,
        after: Sequence[StateGradient] | None = None,
        *,
        input_: bool = True,
        state: bool = True,
    ) -> tuple[Tensor | None, list[StateGradient]]:
        """Gradients of the lowest layer's input, and of each layer's state before; see ``SplitLSTM``.

        Without layers there is nothing to do: what comes in goes out.

        Args:
            chunks: one of each layer.
            gradient_TBH: the gradient of the highest layer's output.
            after: the gradient of each layer's state after the chunk.
            input_: whether the gradient of the lowest layer's input is needed.
            state: whether the gradients of the hidden states are needed.
        """
        states: list[StateGradient] = []
        of_states: Sequence[StateGradient | None] = after or [None] * len(self.layers)
        for layer, chunk, of_state in reversed([*zip(self.layers, chunks, of_states, strict=True)]):
            wanted = input_ or layer is not self.layers[0]
            gradient_TBH, before = layer.backward_input(
                chunk, gradient_TBH, of_state, input_=wanted, state=state
            )
            states.insert(0, before)
        return gradient_TBH, states

    def backward_weight(self, pending: Iterable[Sequence[Chunk]]) -> list[Rows]:
        """Add all parameters' gradients to the layers' running totals.

        Each member of ``pending`` has a chunk of each layer.

        Returns the rows that the lowest layer used; see ``SplitLSTM.backward_weight``.
        """
        taken = [
            layer.backward_weight(chunks)
            for layer, chunks in zip(self.layers, zip(*pending, strict=True), strict=False)
        ]
        return taken[0] if taken else []

    def finish(self) -> None:
        """Add the running totals to the parameters' gradients."""
        for layer in self.layers:
            layer.finish()
