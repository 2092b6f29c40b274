from collections.abc import Sequence
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from pipebench.models.seq2seq import ragged
from tests.builders import PROPERTY

HIDDEN = 3
EXACT = {"rtol": 0.0, "atol": 1e-12}


def layer() -> nn.LSTM:
    torch.manual_seed(3)
    return nn.LSTM(HIDDEN, HIDDEN, dtype=torch.float64)


def begun(lengths: Sequence[int], steps: int) -> list[int]:
    return [sum(length >= steps - step for length in lengths) for step in range(steps)]


def gradients(lstm: nn.LSTM) -> dict[str, Tensor]:
    found = {name: parameter.grad for name, parameter in lstm.named_parameters()}
    return {name: torch.zeros(1) if grad is None else grad.clone() for name, grad in found.items()}


def one_by_one(
    lengths: Sequence[int], input_: Tensor, weights: Tensor, ends: Tensor
) -> tuple[Tensor, Tensor, Tensor, dict[str, Tensor]]:
    """Each sentence by itself: output, state at the end, gradient of the input, and of the parameters."""
    lstm, steps = layer(), len(input_)
    leaf = input_.clone().requires_grad_()
    output, states, loss = torch.zeros_like(input_), [], torch.zeros((), dtype=torch.float64)
    for number, length in enumerate(lengths):
        first = steps - length
        own, (h, c) = lstm(leaf[first:, number : number + 1])
        output[first:, number] = own[:, 0].detach()
        states.append(torch.cat((h, c)))
        loss = loss + (own[:, 0] * weights[first:, number]).sum()
        loss = loss + (states[-1][:, 0] * ends[:, number]).sum()
    loss.backward()
    assert leaf.grad is not None
    return output, torch.cat(states, 1).detach(), leaf.grad, gradients(lstm)


def together(
    lengths: Sequence[int], input_: Tensor, weights: Tensor, ends: Tensor, borders: Sequence[int] = ()
) -> tuple[Tensor, Tensor, Tensor, dict[str, Tensor]]:
    """The same in one slice, or in several from border to border with the state handed on."""
    lstm, steps = layer(), len(input_)
    leaf = input_.clone().requires_grad_()
    counts, state, outputs = begun(lengths, steps), None, []
    for first, end in pairwise([0, *borders, steps]):
        output, state = ragged.run(lstm, leaf[first:end], counts[first:end], state)
        assert state[0].shape == state[1].shape == (1, counts[end - 1], HIDDEN)
        assert output.shape == (end - first, len(lengths), HIDDEN)
        outputs.append(output)
    whole = torch.cat(outputs)
    assert state is not None
    both = torch.cat(state)
    ((whole * weights).sum() + (both * ends).sum()).backward()
    assert leaf.grad is not None
    return whole.detach(), both.detach(), leaf.grad, gradients(lstm)


def drawn(lengths: Sequence[int], steps: int) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs, what a loss makes of each output, and of each state at the end; also where nobody has begun."""
    generator = torch.Generator().manual_seed(len(lengths) + steps)
    shapes = ((steps, len(lengths), HIDDEN), (steps, len(lengths), HIDDEN), (2, len(lengths), HIDDEN))
    input_, weights, ends = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes)
    return input_, weights, ends


def assert_same(
    found: tuple[Tensor, Tensor, Tensor, dict[str, Tensor]],
    expected: tuple[Tensor, Tensor, Tensor, dict[str, Tensor]],
) -> None:
    for left, right in zip(found[:3], expected[:3], strict=True):
        torch.testing.assert_close(left, right, **EXACT)
    for name, gradient in expected[3].items():
        torch.testing.assert_close(found[3][name], gradient, **EXACT)


@pytest.mark.parametrize("lengths", [(5,), (5, 5, 5), (5, 3, 3, 1), (4, 3, 2, 1), (6, 1), (7, 7, 2)], ids=str)
def test_each_sentence_is_as_if_it_stood_alone(lengths: tuple[int, ...]) -> None:
    given = drawn(lengths, lengths[0])
    expected = one_by_one(lengths, *given)
    assert all(gradient.any() for gradient in expected[3].values())
    assert_same(together(lengths, *given), expected)


@PROPERTY
@given(
    lengths=st.lists(st.integers(1, 8), min_size=1, max_size=5).map(
        lambda found: sorted(found, reverse=True)
    ),
    waiting=st.integers(0, 3),
    borders=st.sets(st.integers(1, 10)),
)
def test_chunks_change_nothing_wherever_they_are_cut(
    lengths: list[int], waiting: int, borders: set[int]
) -> None:
    """Also where nobody has begun for some steps, or in a whole chunk."""
    steps = lengths[0] + waiting
    given = drawn(lengths, steps)
    cut = sorted(border for border in borders if border < steps)
    assert_same(together(lengths, *given, borders=cut), one_by_one(lengths, *given))


def test_what_has_not_begun_is_zeros_and_has_no_gradient() -> None:
    lengths = (4, 2)
    output, _, gradient, _ = together(lengths, *drawn(lengths, 6))
    for tensor in (output, gradient):
        assert not tensor[:2].any()
        assert not tensor[:4, 1].any()
        assert tensor[2:, 0].all()
        assert tensor[4:, 1].all()


def test_a_slice_in_which_nobody_has_begun_computes_nothing() -> None:
    lstm = layer()
    input_ = torch.randn(2, 3, HIDDEN, dtype=torch.float64, requires_grad=True)
    output, (h, c) = ragged.run(lstm, input_, [0, 0], None)
    assert not output.any()
    assert output.shape == (2, 3, HIDDEN)
    assert not output.requires_grad
    assert h.shape == c.shape == (1, 0, HIDDEN)
    again, (h, c) = ragged.run(lstm, input_, [0, 2], (h, c))
    assert not again[0].any()
    assert again[1, :2].all()
    assert h.shape == (1, 2, HIDDEN)


def test_who_begins_in_a_later_slice_begins_with_zeros() -> None:
    lstm = layer()
    input_ = torch.randn(2, 2, HIDDEN, dtype=torch.float64)
    _, state = ragged.run(lstm, input_[:1], [1], None)
    output, _ = ragged.run(lstm, input_[1:], [2], state)
    torch.testing.assert_close(output[0, 1], lstm(input_[1:, 1:])[0][0, 0], **EXACT)
    torch.testing.assert_close(output[0, 0], lstm(input_[:, :1])[0][1, 0], **EXACT)
