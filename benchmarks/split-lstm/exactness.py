"""How far the split layers' gradients are from torch's, and both from float64's; 8 layers, chunks of one time step.

python benchmarks/split-lstm/exactness.py
"""

import torch
from measure import STEPS
from torch import nn

from pipebench.measuring.verification import relative_errors
from pipebench.models.stacked_lstm.split.products import LIBRARIES
from pipebench.models.stacked_lstm.split.stack import SplitStack

LAYERS, SHAPES = 8, ((256, 32), (512, 16))


def main() -> None:
    """Print the largest relative error of any parameter's gradient, as a run's verification measures it."""
    torch.set_num_threads(1)
    print("| hidden | batch | library | split - torch | split - float64 | torch - float64 |")
    print("|---|---|---|---|---|---|")
    for hidden, batch in SHAPES:
        torch.manual_seed(0)
        lstms = nn.ModuleList(nn.LSTM(hidden, hidden) for _ in range(LAYERS))
        exact = nn.ModuleList(nn.LSTM(hidden, hidden) for _ in range(LAYERS)).double()
        exact.load_state_dict(lstms.state_dict())
        input_TBH = (torch.rand(STEPS, batch, hidden) * 2 - 1) / hidden**0.5
        gradient_TBH = torch.randn(STEPS, batch, hidden)
        usual, truth = (
            by_autograd(lstms, input_TBH, gradient_TBH),
            by_autograd(exact, input_TBH, gradient_TBH),
        )
        for library in LIBRARIES:
            found = by_split(lstms, library, input_TBH, gradient_TBH)
            errors = (error(usual, found), error(truth, found), error(truth, usual))
            cells = [str(hidden), str(batch), library.name, *(f"{each:.1e}" for each in errors)]
            print(f"| {' | '.join(cells)} |")


def by_autograd(lstms, input_TBH, gradient_TBH):
    """On whole sequences, in the parameters' type."""
    dtype = next(lstms.parameters()).dtype
    output_TBH = input_TBH.to(dtype)
    for lstm in lstms:
        output_TBH, _ = lstm(output_TBH)
    output_TBH.backward(gradient_TBH.to(dtype))
    return taken(lstms)


def by_split(lstms, library, input_TBH, gradient_TBH):
    """A time step a chunk, W at the end."""
    stack = SplitStack(lstms, library)
    buffers = stack.buffers(STEPS, input_TBH.shape[1])
    chunks = [[each.chunk(t, t + 1) for each in buffers] for t in range(STEPS)]
    states = after = None
    for t in range(STEPS):
        _, states = stack.forward(chunks[t], input_TBH[t : t + 1], states)
    for t in reversed(range(STEPS)):
        _, after = stack.backward_input(chunks[t], gradient_TBH[t : t + 1], after)
    stack.backward_weight(chunks)
    stack.finish()
    return taken(lstms)


def taken(lstms):
    """The gradients by name, which the parameters then have no more."""
    found = {name: parameter.grad for name, parameter in lstms.named_parameters()}
    lstms.zero_grad()
    return found


def error(expected, found) -> float:
    """The largest of all parameters."""
    return max(relative_errors(expected, found).errors.values())


if __name__ == "__main__":
    main()
