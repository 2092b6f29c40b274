import torch

from pipebench.models.stacked_lstm.split.state import State, StateGradient
from tests.models.stacked_lstm.split.building import drawn


def test_a_cell_state_comes_back() -> None:
    hidden, cell = drawn(2, 3), drawn(2, 3, seed=2)
    state = State.of(hidden, cell)
    assert state.hidden is hidden
    assert torch.equal(state.cell, cell)


def test_a_gradient_follows_the_chain_rule() -> None:
    cell = drawn(2, 3).requires_grad_()
    scaled = State.of(cell, cell).scaled
    scaled.retain_grad()
    (scaled**2).sum().backward()
    gradient = StateGradient.of(None, cell.grad)
    torch.testing.assert_close(gradient.scaled, scaled.grad)
    torch.testing.assert_close(gradient.cell, cell.grad)
    assert StateGradient.of(cell, None) == (cell, None)
    assert StateGradient(None, None).cell is None
