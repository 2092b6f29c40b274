"""One LSTM layer, its backward split in two.

It uses the parameters of an ``nn.LSTM`` and computes the same, without autograd. Shape suffixes: T time steps of the
chunk, B sequences, H hidden, N all rows that wait, K both inputs: 2H, G gates: 4H.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from pipebench.models.split import add_gradient
from pipebench.models.stacked_lstm.split import time_step
from pipebench.models.stacked_lstm.split.buffers import Buffers, Chunk, Rows, Step, rows_of
from pipebench.models.stacked_lstm.split.products import Products
from pipebench.models.stacked_lstm.split.row_sums import row_sums
from pipebench.models.stacked_lstm.split.state import State, StateGradient
from pipebench.models.stacked_lstm.split.time_step import Constants
from pipebench.models.stacked_lstm.split.weights import Weights, parameters_of, scale_candidates


class SplitLSTM:
    """Runs a layer on chunks of its buffers.

    Args:
        lstm: time-major, one layer in one direction, as many inputs as hidden, with biases. Its parameters are used
            as they are, and get their gradients. An update must be one that torch counts (not through ``.data``).
        products: the library that computes products; see ``fastest_products``.
    """

    def __init__(self, lstm: nn.LSTM, products: Products) -> None:
        assert lstm.input_size == lstm.hidden_size, "x and h are rows of one buffer, of as many numbers each"
        assert lstm.num_layers == 1
        assert lstm.bias
        assert not lstm.bidirectional
        assert not lstm.batch_first
        assert not lstm.proj_size
        self.parameters, self._products = parameters_of(lstm), products
        self._weights = Weights(self.parameters, products)
        self._constants = Constants(self.parameters.weight_ih)
        self._totals: tuple[Tensor, Tensor] | None = None  # gradients [2H, 4H] and [4H] of what W has taken

    def buffers(self, steps: int, batch: int) -> Buffers:
        """Make the buffers for ``batch`` sequences of ``steps`` time steps; the other methods take chunks of them."""
        return Buffers(steps, batch, self.parameters.weight_ih)

    def make_forward(self, rows: int) -> None:
        """Make the forward's products if the parameters have changed. Without this call the first forward makes them.

        Args:
            rows: sequences of a microbatch.
        """
        self._weights.refresh()
        with torch.no_grad():
            self._weights.forward(rows)

    def make_backward(self, rows: int, steps: int) -> None:
        """Make the products of ``backward_input``, after ``make_forward``. Without this the first backward makes them.

        Args:
            rows: sequences of a microbatch.
            steps: time steps of a chunk.
        """
        with torch.no_grad():
            if steps == 1:
                self._weights.backward_both(rows)
            else:
                self._weights.backward_hidden(rows)
                self._weights.backward_input(rows * steps)

    @torch.no_grad()
    def forward(self, chunk: Chunk, input_TBH: Tensor, before: State | None = None) -> tuple[Tensor, State]:
        """The output [T, B, H] and the state after the chunk. Both are in the chunk's memory, until its next forward.

        Args:
            chunk: where to save what the backward needs.
            input_TBH: activations; copied into the chunk's memory, unless they are there already.
            before: the state before the first time step. ``None`` means zeros, and is for the first chunk alone. Later
                chunks get the state that the chunk before them returned, which is in its place already.
        """
        assert chunk.first == 0 or before is not None, "a chunk goes on where the one before it ended"
        self._weights.refresh()
        _put(chunk.input_TBH, input_TBH)
        for here, given in zip(chunk.before, before or (None, None), strict=True):
            _put(here, given)
        product = self._weights.forward(input_TBH.shape[1])
        for step in chunk.steps:
            time_step.forward(step, product(step.both), self._constants)
        return chunk.output_TBH, chunk.after

    @torch.no_grad()
    def backward_input(
        self,
        chunk: Chunk,
        output_gradient_TBH: Tensor | None,
        after: StateGradient | None = None,
        *,
        input_: bool = True,
        state: bool = True,
    ) -> tuple[Tensor | None, StateGradient]:
        """Gradients of the input [T, B, H] and of the state before. The chunk then waits for ``backward_weight``.

        To be called once after each forward.

        Args:
            chunk: one that has had its forward; the parameters must not have changed since.
            output_gradient_TBH: the gradient of the output; ``None`` means zeros.
            after: the gradient of the state after the chunk; ``None`` means zeros. A state's gradient that was returned
                holds until the next call on these buffers, and may be passed to that call.
            input_: whether the input's gradient is needed; if not, it need not be computed.
            state: whether the hidden state's gradient is needed.
        """
        assert self._weights.are_current(), "no update between a forward and its backward"
        buffers, steps = chunk.buffers, chunk.steps
        hidden_BH, scaled_BH = after or (None, None)
        _put(buffers.scaled_gradient_BH, scaled_BH)
        given_BH = [None] * len(steps) if output_gradient_TBH is None else output_gradient_TBH.unbind(0)
        if len(steps) == 1 and input_:
            input_BH, hidden_BH = self._backward_both(steps[0], given_BH[0], hidden_BH, buffers)
            return input_BH[None], StateGradient(hidden_BH, buffers.scaled_gradient_BH)
        product = self._weights.backward_hidden(len(buffers.scratch_BG)) if state or len(steps) > 1 else None
        for step, gradient_BH in zip(reversed(steps), reversed(given_BH), strict=True):
            self._backward_gates(step, gradient_BH, hidden_BH, buffers)
            hidden_BH = product(step.all_gates) if product and (state or step is not steps[0]) else None
        input_TBH = self.input_gradient(chunk.gates_NG).view_as(chunk.input_TBH) if input_ else None
        return input_TBH, StateGradient(hidden_BH, buffers.scaled_gradient_BH)

    def _backward_both(
        self, step: Step, gradient_BH: Tensor | None, hidden_BH: Tensor | None, buffers: Buffers
    ) -> tuple[Tensor, Tensor]:
        """Gradients of both inputs of a chunk's only step, by one product."""
        self._backward_gates(step, gradient_BH, hidden_BH, buffers)
        both_BK = self._weights.backward_both(len(buffers.scratch_BG))(step.all_gates)
        input_BH, before_BH = both_BK.chunk(2, 1)
        return input_BH, before_BH

    def _backward_gates(
        self, step: Step, gradient_BH: Tensor | None, hidden_BH: Tensor | None, buffers: Buffers
    ) -> None:
        total_BH = _total(gradient_BH, hidden_BH, buffers.hidden_gradient_BH)
        time_step.backward(step, total_BH, buffers, self._constants)

    def input_gradient(self, gates_NG: Tensor) -> Tensor:
        """The gradient of the input [N, H], from the gates' gradients that I has made."""
        return self._weights.backward_input(len(gates_NG))(gates_NG)

    @torch.no_grad()
    def backward_weight(self, pending: Iterable[Chunk]) -> list[Rows]:
        """Add the parameters' gradients over all chunks that wait to a running total.

        The chunks may be of several buffers. Returns the rows that were used: buffer by buffer, in the order in which
        the first chunk of each was given, and within a buffer in the order of time.
        """
        pieces = rows_of(pending)
        for both_NK, gates_NG in pieces:
            if self._totals is None:
                self._totals = self._products.summed(both_NK, gates_NG), row_sums(gates_NG)
            else:
                self._products.add_summed(self._totals[0], both_NK, gates_NG)
                self._totals[1].add_(row_sums(gates_NG))
        return pieces

    @torch.no_grad()
    def finish(self) -> None:
        """Add the running total to the parameters' gradients, and start a new one."""
        if self._totals is None:
            return
        (total_KG, total_G), self._totals = self._totals, None
        input_HG, hidden_HG = total_KG.chunk(2)
        gradients = input_HG.t().contiguous(), hidden_HG.t().contiguous(), total_G, total_G.clone()
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            scale_candidates(gradient)
            add_gradient(parameter, gradient)


def _put(here: Tensor, given: Tensor | None) -> None:
    """Fill ``here`` with the values that are given, or with zeros."""
    if given is None:
        here.zero_()
    elif given is not here:
        here.copy_(given)


def _total(one: Tensor | None, other: Tensor | None, out: Tensor) -> Tensor:
    """The sum of the tensors that are not ``None``, or zeros; ``out`` may be written to."""
    if one is None:
        return out.zero_() if other is None else other
    return one if other is None else torch.add(one, other, out=out)
