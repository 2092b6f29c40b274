"""One LSTM layer, its backward split in two.

It computes what the ``nn.LSTM`` computes whose parameters it uses, without autograd. Shape suffixes: T time steps of
the chunk, B sequences, H hidden, N all rows that wait, K both inputs: 2H, G gates: 4H.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from pipebench.models.stacked_lstm.split import time_step
from pipebench.models.stacked_lstm.split.buffers import Buffers, Chunk, rows_of
from pipebench.models.stacked_lstm.split.products import Products
from pipebench.models.stacked_lstm.split.state import State, StateGradient
from pipebench.models.stacked_lstm.split.time_step import Constants
from pipebench.models.stacked_lstm.split.weights import Weights, parameters_of


class SplitLSTM:
    """Runs a layer on chunks of its buffers.

    Args:
        lstm: time-major, one layer in one direction, as many inputs as hidden, with biases; its parameters are used
            as they are, and get their gradients. An update must be one that torch counts (not through ``.data``).
        products: by which library; see ``fastest_products``.
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

    def buffers(self, steps: int, batch: int) -> Buffers:
        """For sequences of so many time steps; a chunk of them is what the other methods take."""
        return Buffers(steps, batch, self.parameters.weight_ih)

    @torch.no_grad()
    def forward(self, chunk: Chunk, input_TBH: Tensor, before: State | None = None) -> tuple[Tensor, State]:
        """The output [T, B, H] and the state after; both are the chunk's memory, until its next forward.

        Args:
            chunk: where to save what the backward needs.
            input_TBH: activations; not kept, they are copied.
            before: the state before the first time step; ``None`` is zeros, at the start of a sequence. Later chunks
                get what the chunk before them gave, which is in its place already.
        """
        assert chunk.first == 0 or before is not None, "a chunk goes on where the one before it ended"
        self._weights.refresh()
        chunk.input_TBH.copy_(input_TBH)
        for here, given in zip(chunk.before, before or (None, None), strict=True):
            _put(here, given)
        product = self._weights.forward(input_TBH.shape[1])
        for step in chunk.steps:
            time_step.forward(step, product(step.both), self._constants)
        return chunk.output_TBH, chunk.after

    @torch.no_grad()
    def backward_input(
        self, chunk: Chunk, output_gradient_TBH: Tensor | None, after: StateGradient | None = None
    ) -> tuple[Tensor, StateGradient]:
        """Gradients of the input [T, B, H] and of the state before; the chunk then waits for ``backward_weight``.

        Args:
            chunk: of a forward, since which the parameters have not changed. Once for each forward.
            output_gradient_TBH: with respect to the output; ``None`` is zeros.
            after: with respect to the state after; ``None`` is zeros. What is returned of a state holds until the next
                call on these buffers, which may be given it.
        """
        assert self._weights.are_current(), "no update between a forward and its backward"
        buffers, steps, whole = chunk.buffers, chunk.steps, len(chunk.steps) > 1
        _put(buffers.scaled_gradient_BH, None if after is None else after.scaled)
        hidden_BH = None if after is None else after.hidden
        given_BH = [None] * len(steps) if output_gradient_TBH is None else output_gradient_TBH.unbind(0)
        batch = len(buffers.scratch_BG)
        product = self._weights.backward_hidden(batch) if whole else self._weights.backward_both(batch)
        found = hidden_BH
        for step, gradient_BH in zip(reversed(steps), reversed(given_BH), strict=True):
            total_BH = _total(gradient_BH, hidden_BH, buffers.hidden_gradient_BH)
            time_step.backward(step, total_BH, buffers, self._constants)
            found = hidden_BH = product(step.all_gates)
        assert found is not None
        if whole:
            input_NH = self._weights.backward_input(len(chunk.gates_NG))(chunk.gates_NG)
            return input_NH.view(len(steps), batch, -1), StateGradient(found, buffers.scaled_gradient_BH)
        input_BH, hidden_BH = found.chunk(2, 1)
        return input_BH[None], StateGradient(hidden_BH, buffers.scaled_gradient_BH)

    @torch.no_grad()
    def backward_weight(self, pending: Iterable[Chunk]) -> None:
        """Add the parameters' gradients over all chunks that wait, of one or several buffers, in any order."""
        pieces = rows_of(pending)
        if not pieces:
            return
        total_KG, total_G = self._gradients(*pieces[0])
        for piece in pieces[1:]:
            more_KG, more_G = self._gradients(*piece)
            total_KG += more_KG
            total_G += more_G
        input_HG, hidden_HG = total_KG.chunk(2)
        _add(self.parameters.weight_ih, input_HG.t().contiguous())
        _add(self.parameters.weight_hh, hidden_HG.t().contiguous())
        _add(self.parameters.bias_ih, total_G)
        _add(self.parameters.bias_hh, total_G.clone())

    def _gradients(self, both_NK: Tensor, gates_NG: Tensor) -> tuple[Tensor, Tensor]:
        """Of the weights [2H, 4H] and of each bias. Summing rows by a product takes half the time of ``sum``."""
        ones_1N = gates_NG.new_ones(1, len(gates_NG))
        return self._products.summed(both_NK, gates_NG), torch.mm(ones_1N, gates_NG)[0]


def _put(here: Tensor, given: Tensor | None) -> None:
    """A tensor's values, or zeros."""
    if given is None:
        here.zero_()
    else:
        here.copy_(given)


def _total(one: Tensor | None, other: Tensor | None, out: Tensor) -> Tensor:
    """The sum of what is there; ``out`` may be written to."""
    if one is None:
        return out.zero_() if other is None else other
    return one if other is None else torch.add(one, other, out=out)


def _add(parameter: nn.Parameter, gradient: Tensor) -> None:
    """Which is ours to give away."""
    if parameter.grad is None:
        parameter.grad = gradient
    else:
        parameter.grad += gradient
