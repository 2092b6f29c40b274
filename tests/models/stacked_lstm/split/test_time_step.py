import torch

from pipebench.models.stacked_lstm.split import time_step
from pipebench.models.stacked_lstm.split.buffers import Buffers
from pipebench.models.stacked_lstm.split.time_step import Constants
from tests.models.stacked_lstm.split.building import drawn


def test_one_step_by_the_formulas_of_torch_s_documentation() -> None:
    hidden, batch = 3, 2
    like = drawn(4 * hidden, hidden)
    buffers = Buffers(1, batch, like)
    (step,) = buffers.steps
    step.scaled_before.copy_(-2 * drawn(batch, hidden, seed=2))
    sums_BG = drawn(batch, 4 * hidden, seed=3).requires_grad_()
    before = drawn(batch, hidden, seed=2).requires_grad_()
    i, f, g, o = sums_BG.chunk(4, 1)
    cell = f.sigmoid() * before + i.sigmoid() * g.tanh()
    output = o.sigmoid() * cell.tanh()
    of_hidden, of_cell = drawn(batch, hidden, seed=4), drawn(batch, hidden, seed=5)
    torch.autograd.backward([output, cell], [of_hidden, of_cell])
    with torch.no_grad():
        scaled = sums_BG.clone()
        scaled.chunk(4, 1)[2].mul_(-2)
        time_step.forward(step, scaled, Constants(like))
        torch.testing.assert_close(step.hidden, output.detach())
        torch.testing.assert_close(step.scaled, -2 * cell.detach())
        buffers.scaled_gradient_BH.copy_(of_cell / -2)
        time_step.backward(step, of_hidden, buffers, Constants(like))
        step.gates.candidate.mul_(-2)  # from the gradient of the scaled argument to that of torch's
        torch.testing.assert_close(step.all_gates, sums_BG.grad)
        torch.testing.assert_close(buffers.scaled_gradient_BH, before.grad / -2)
