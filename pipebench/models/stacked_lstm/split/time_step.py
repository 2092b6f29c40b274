"""The gates of one time step, forwards and backwards, in few passes over memory that is already there.

With sigmoids s of all four gates, the candidate's argument scaled by -2, and C = -2c the scaled cell state:

    C = forget C_before + input (4 candidate - 2)        since -2 tanh(z) = 4 sigmoid(-2z) - 2
    h = output (1 - 2 sigmoid(C))                        since tanh(c) = 1 - 2 sigmoid(-2c)

All is done in place or into ``out``: each operation costs a microsecond in torch and a pass over [B, H].
"""

import torch
from torch import Tensor

from pipebench.models.stacked_lstm.split.buffers import Buffers, Step


class Constants:
    """Numbers as tensors, as some of torch's operations take them: one such operation does the work of two."""

    def __init__(self, like: Tensor) -> None:
        self.zero, self.one, self.minus_two = (like.detach().new_tensor(value) for value in (0.0, 1.0, -2.0))


def forward(step: Step, sums_BG: Tensor, constants: Constants) -> None:
    """Compute the hidden state from the gates' arguments; the step keeps all that the backward needs."""
    torch.sigmoid(sums_BG, out=step.all_gates)
    gates, squashed_BH, scaled_BH = step.gates, step.squashed, step.scaled
    torch.add(constants.minus_two, gates.candidate, alpha=4, out=step.candidate)
    torch.mul(gates.forget, step.scaled_before, out=scaled_BH)
    scaled_BH.addcmul_(gates.input, step.candidate)
    torch.sigmoid(scaled_BH, out=squashed_BH)
    torch.add(constants.one, squashed_BH, alpha=-2, out=squashed_BH)
    torch.mul(gates.output, squashed_BH, out=step.hidden)


def backward(step: Step, hidden_gradient_BH: Tensor, buffers: Buffers, constants: Constants) -> None:
    """Put the gradients of the gates' arguments in the place of the gates, and step the cell state's one back in time.

    The gradient of a candidate is of its scaled argument, -2 times that of ``nn.LSTM``. What is kept of a candidate
    with the sigmoid s is 4 s - 2, whose derivative is 4 s (1 - s).
    """
    gates, scratch, scaled_gradient_BH = step.gates, buffers.scratch, buffers.scaled_gradient_BH
    torch.mul(hidden_gradient_BH, step.squashed, out=scratch.output)
    scaled_gradient_BH.addcmul_(hidden_gradient_BH, gates.output, value=-0.5)
    scaled_gradient_BH.addcmul_(scratch.output, step.hidden, value=0.5)
    torch.mul(scaled_gradient_BH, step.candidate, out=scratch.input)
    torch.mul(scaled_gradient_BH, step.scaled_before, out=scratch.forget)
    torch.addcmul(constants.zero, scaled_gradient_BH, gates.input, value=4, out=scratch.candidate)
    scaled_gradient_BH.mul_(gates.forget)
    torch.ops.aten.sigmoid_backward.grad_input(buffers.scratch_BG, step.all_gates, grad_input=step.all_gates)
