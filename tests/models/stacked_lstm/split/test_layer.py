import random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from pipebench.models.stacked_lstm.split.products import LIBRARIES, Products
from pipebench.models.stacked_lstm.split.state import State, StateGradient
from tests.models.stacked_lstm.split.building import (
    NAMES,
    Counting,
    assert_same,
    backward_input,
    chunks_of,
    drawn,
    forward,
    lstm,
    split,
    take_gradients,
)

DTYPES = st.sampled_from([torch.float32, torch.float64])


def by_autograd(
    layer: nn.LSTM, input_TBH: Tensor, state: tuple[Tensor, Tensor] | None, gradients: list[Tensor | None]
) -> dict[str, Tensor | None]:
    """Outputs and gradients of ``nn.LSTM`` on the whole sequence; ``gradients`` are of output, h and c after."""
    leaves = [tensor.clone().requires_grad_() for tensor in (input_TBH, *(state or ()))]
    output, (hidden, cell) = layer(leaves[0], tuple(leaf[None] for leaf in leaves[1:]) or None)
    results = [output, hidden[0], cell[0]]
    pairs = [(r, g) for r, g in zip(results, gradients, strict=True) if g is not None]
    torch.autograd.backward(*zip(*pairs, strict=True))
    found = dict(zip(("output", "hidden", "cell"), (result.detach() for result in results), strict=True))
    found |= dict(zip(("d input", "d hidden", "d cell"), (leaf.grad for leaf in leaves), strict=False))
    return found | take_gradients(layer)


def by_split(
    layer: nn.LSTM,
    input_TBH: Tensor,
    state: tuple[Tensor, Tensor] | None,
    gradients: list[Tensor | None],
    *,
    length: int,
    products: Products | None = None,
) -> dict[str, Tensor | None]:
    """The same of the split layer in chunks, W of all chunks at once, in any order."""
    ours = split(layer, products)
    chunks = chunks_of(ours, *input_TBH.shape[:2], length)
    output, after = forward(ours, chunks, input_TBH, None if state is None else State.of(*state))
    found = {"output": output, "hidden": after.hidden.clone(), "cell": after.cell}
    after_gradient = StateGradient.of(*gradients[1:]) if any(g is not None for g in gradients[1:]) else None
    found["d input"], before = backward_input(ours, chunks, gradients[0], after_gradient)
    if state is not None:
        assert before.hidden is not None
        assert before.cell is not None
        found |= {"d hidden": before.hidden, "d cell": before.cell}
    random.shuffle(chunks)
    ours.backward_weight(chunks)
    ours.finish()
    return found | take_gradients(layer)


@settings(max_examples=60, deadline=None)
@given(
    hidden=st.integers(1, 19),
    batch=st.integers(1, 5),
    steps=st.integers(1, 8),
    length=st.sampled_from([1, 2, 4, 8]),
    dtype=DTYPES,
    with_state=st.booleans(),
    given_=st.sampled_from([(1, 1, 1), (1, 0, 0), (0, 1, 1), (0, 0, 1), (0, 1, 0), (1, 0, 1)]),
    library=st.sampled_from(LIBRARIES),
)
def test_outputs_and_gradients_are_those_of_torch_s_layer(
    hidden: int,
    batch: int,
    steps: int,
    length: int,
    dtype: torch.dtype,
    with_state: bool,
    given_: tuple[int, int, int],
    library: Products,
) -> None:
    products = library if dtype == torch.float32 else None
    layer = lstm(hidden, dtype)
    of_state = drawn(2, batch, hidden, dtype=dtype, seed=2).unbind(0)
    of_gradient = drawn(steps, batch, hidden, dtype=dtype, seed=3), *of_state[::-1]
    gradients = [
        gradient if is_given else None for gradient, is_given in zip(of_gradient, given_, strict=True)
    ]
    input_TBH = drawn(steps, batch, hidden, dtype=dtype)
    state = (of_state[0], of_state[1]) if with_state else None
    expected = by_autograd(layer, input_TBH, state, gradients)
    assert_same(expected, by_split(layer, input_TBH, state, gradients, length=length, products=products))


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
@pytest.mark.parametrize("length", [1, 32])
def test_a_layer_of_a_run_s_size(library: Products, length: int) -> None:
    layer = lstm(96, torch.float32)
    input_TBH, gradient_TBH = (drawn(32, 24, 96, dtype=torch.float32, seed=seed) for seed in (1, 2))
    expected = by_autograd(layer, input_TBH / 16, None, [gradient_TBH, None, None])
    found = by_split(layer, input_TBH / 16, None, [gradient_TBH, None, None], length=length, products=library)
    assert_same(expected, found)


def test_tensors_that_are_not_contiguous() -> None:
    layer = lstm(5)
    input_TBH, gradient_TBH = (drawn(3, 5, 4, seed=seed).permute(2, 0, 1) for seed in (1, 2))
    assert not input_TBH.is_contiguous()
    gradients = [gradient_TBH, None, None]
    expected = by_autograd(layer, input_TBH.contiguous(), None, [gradient_TBH.contiguous(), None, None])
    for length in (1, 2, 4):
        assert_same(expected, by_split(layer, input_TBH, None, gradients, length=length))


class Function(torch.autograd.Function):
    """The split layer as autograd's own tests take it."""

    @staticmethod
    def forward(ctx: Any, layer: nn.LSTM, length: int, input_TBH: Tensor, *tensors: Tensor) -> Any:
        hidden_BH, cell_BH, *parameters = tensors
        with torch.no_grad():
            for name, parameter in zip(NAMES, parameters, strict=True):
                layer.get_parameter(name).copy_(parameter)
        ctx.layer, ctx.split = layer, split(layer)
        ctx.chunks = chunks_of(ctx.split, *input_TBH.shape[:2], length)
        ctx.given = input_TBH, State.of(hidden_BH, cell_BH)
        output, after = forward(ctx.split, ctx.chunks, *ctx.given)
        return output, after.hidden.clone(), after.cell

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        forward(ctx.split, ctx.chunks, *ctx.given)  # a forward for each backward: I works in place
        input_TBH, before = backward_input(
            ctx.split, ctx.chunks, gradients[0], StateGradient.of(*gradients[1:])
        )
        ctx.split.backward_weight(ctx.chunks)
        ctx.split.finish()
        return None, None, input_TBH, before.hidden, before.cell, *take_gradients(ctx.layer).values()


@pytest.mark.parametrize("length", [1, 2, 3])
def test_gradients_are_the_limits_of_differences(length: int) -> None:
    layer = lstm(3)
    parameters = [layer.get_parameter(name).detach().clone() for name in NAMES]
    tensors = [drawn(3, 2, 3), drawn(2, 3, seed=2), drawn(2, 3, seed=3), *parameters]
    leaves = [tensor.requires_grad_() for tensor in tensors]
    assert torch.autograd.gradcheck(lambda *given: Function.apply(layer, length, *given), leaves)


@settings(max_examples=20, deadline=None)
@given(data=st.data(), steps=st.integers(1, 6), length=st.integers(1, 6), dtype=DTYPES)
def test_what_waits_is_added_up_over_chunks_and_microbatches_in_any_order(
    data: st.DataObject, steps: int, length: int, dtype: torch.dtype
) -> None:
    layer = lstm(7, dtype)
    ours = split(layer)
    pending, expected = [], None
    for batch, seed in ((2, 1), (3, 2), (1, 3)):
        input_TBH, gradient_TBH = (drawn(steps, batch, 7, dtype=dtype, seed=seed + k) for k in (0, 5))
        layer(input_TBH)[0].backward(gradient_TBH)
        chunks = chunks_of(ours, steps, batch, length)
        pending.append((chunks, input_TBH, gradient_TBH))
    expected = take_gradients(layer)
    for chunks, input_TBH, gradient_TBH in pending:
        forward(ours, chunks, input_TBH)
        backward_input(ours, chunks, gradient_TBH)
    waiting = data.draw(st.permutations([chunk for chunks, *_ in pending for chunk in chunks]))
    cut = data.draw(st.integers(0, len(waiting)))
    ours.backward_weight(waiting[:cut])
    ours.backward_weight(waiting[cut:])
    ours.finish()
    assert_same(expected, take_gradients(layer))


@pytest.mark.parametrize("length", [1, 4])
def test_buffers_used_again_hold_nothing_of_the_step_before(length: int) -> None:
    layer = lstm(5)
    ours, fresh = split(layer), split(layer)
    chunks = chunks_of(ours, 4, 3, length)
    for seed in (1, 2, 3):
        input_TBH, gradient_TBH = drawn(4, 3, 5, seed=seed), drawn(4, 3, 5, seed=-seed)
        found = []
        for each, its_chunks in ((ours, chunks), (fresh, chunks_of(fresh, 4, 3, length))):
            output, _ = forward(each, its_chunks, input_TBH)
            input_gradient, _ = backward_input(each, its_chunks, gradient_TBH)
            each.backward_weight(its_chunks)
            each.finish()
            found.append([output, input_gradient, *take_gradients(layer).values()])
        assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_an_infinite_number_of_one_step_is_gone_in_the_next() -> None:
    layer = lstm(3)
    ours = split(layer)
    chunks = chunks_of(ours, 2, 2, 1)
    for value in (float("inf"), 1.0):
        forward(ours, chunks, torch.full((2, 2, 3), value, dtype=torch.float64))
        input_gradient, before = backward_input(ours, chunks, drawn(2, 2, 3))
        ours.backward_weight(chunks)
        ours.finish()
        gradients = take_gradients(layer)
    assert before.hidden is not None
    assert all(tensor.isfinite().all() for tensor in (input_gradient, before.hidden, *gradients.values()))


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
@pytest.mark.parametrize("name", NAMES)
def test_an_update_is_seen(library: Products, name: str) -> None:
    layer = lstm(4, torch.float32)
    ours = split(layer, library)
    chunks = chunks_of(ours, 2, 2, 1)
    input_TBH, gradients = (
        drawn(2, 2, 4, dtype=torch.float32),
        [drawn(2, 2, 4, dtype=torch.float32), None, None],
    )
    for _ in range(2):
        output, _ = forward(ours, chunks, input_TBH)
        input_gradient, _ = backward_input(ours, chunks, gradients[0])
        ours.backward_weight(chunks)
        ours.finish()
        found = {"output": output, "d input": input_gradient} | take_gradients(layer)
        expected = by_autograd(layer, input_TBH, None, gradients)
        assert_same({key: expected[key] for key in found}, found)
        with torch.no_grad():
            layer.get_parameter(name).mul_(-2)


@pytest.mark.parametrize(("length", "made"), [(1, 2), (2, 3)])
def test_what_was_made_before_the_step_is_not_made_again_in_it(length: int, made: int) -> None:
    ours = split(lstm(3), counting := Counting())
    ours.make_forward(2)
    ours.make_backward(2, length)
    assert counting.made == made, "forward; and backward for both inputs at once, or for each apart"
    forward(ours, chunks := chunks_of(ours, 4, 2, length), drawn(4, 2, 3))
    backward_input(ours, chunks, drawn(4, 2, 3))
    assert counting.made == made


def test_gradients_are_added_to_those_that_are_there() -> None:
    layer = lstm(3)
    ours = split(layer)
    chunks = chunks_of(ours, 2, 2, 2)
    totals = []
    for count in (1, 2):
        for _ in range(count):
            forward(ours, chunks, drawn(2, 2, 3))
            backward_input(ours, chunks, drawn(2, 2, 3))
            ours.backward_weight(chunks)
            ours.finish()
        totals.append(take_gradients(layer))
    assert_same({name: 2 * gradient for name, gradient in totals[0].items()}, totals[1])


def test_an_update_between_forward_and_backward_is_a_mistake() -> None:
    layer = lstm(3)
    ours = split(layer)
    chunks = chunks_of(ours, 2, 2, 2)
    forward(ours, chunks, drawn(2, 2, 3))
    with torch.no_grad():
        layer.bias_ih_l0 += 1
    with pytest.raises(AssertionError, match="no update"):
        backward_input(ours, chunks, drawn(2, 2, 3))


def test_a_later_chunk_needs_the_state_of_the_one_before() -> None:
    ours = split(lstm(3))
    with pytest.raises(AssertionError, match="goes on"):
        ours.forward(chunks_of(ours, 2, 2, 1)[1], drawn(1, 2, 3))


def test_nothing_that_waits_changes_nothing() -> None:
    layer = lstm(3)
    split(layer).backward_weight([])
    assert set(take_gradients(layer).values()) == {None}


def test_no_graph_is_kept() -> None:
    layer = lstm(3)
    ours = split(layer)
    (chunk,) = chunks_of(ours, 2, 2, 2)
    output, after = ours.forward(chunk, drawn(2, 2, 3).requires_grad_())
    input_gradient, _ = ours.backward_input(chunk, drawn(2, 2, 3).requires_grad_())
    assert not any(tensor.requires_grad for tensor in (output, *after, input_gradient))


@pytest.mark.parametrize(
    "options", [{"num_layers": 2}, {"bias": False}, {"bidirectional": True}, {"batch_first": True}]
)
def test_other_layers_are_not_taken(options: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        split(nn.LSTM(4, 4, **options))
    with pytest.raises(AssertionError, match="as many numbers"):
        split(nn.LSTM(3, 4))
