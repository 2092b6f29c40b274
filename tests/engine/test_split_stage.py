"""Stages in halves against those with autograd: the same model, any slices, any legal order."""

from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipebench.engine.split_stage import SplitStage
from pipebench.measuring.verification import relative_errors
from pipebench.models.layout import layout_of
from pipebench.models.outline import Slice
from tests.engine.split_model import STEPS, SlicedModel, batch_of, network

pytestmark = pytest.mark.usefixtures("one_thread")


TOLERANCES = {"float32": 1e-5, "float64": 1e-10}
MIDDLE = Slice(1, 3, opens=False, closes=False)


@settings(max_examples=30, deadline=None)
@given(
    dtype=st.sampled_from(["float32", "float64"]),
    partition=st.sampled_from([(4,), (1, 3), (1, 2, 1), (2, 2, 0), (1, 1, 1, 1)]),
    shared=st.booleans(),
    microbatches=st.integers(1, 4),
    chunks=st.sampled_from([1, 2, 3, 6]),
    seed=st.integers(0, 10**6),
    mixed=st.booleans(),
    library=st.sampled_from(["packed", "onednn", "blas"]),
)
def test_gradients_and_loss_are_autograd_s_also_after_an_update(
    dtype: str,
    partition: tuple[int, ...],
    shared: bool,
    microbatches: int,
    chunks: int,
    seed: int,
    mixed: bool,
    library: str,
) -> None:
    """``mixed``: some stages are of the other kind, and understand each other."""
    random = Random(seed)
    if shared and partition[-1] == 0:
        partition = (*partition[:-2], partition[-2] + partition[-1])
    products = {f"{name}_products": name == library and dtype == "float32" for name in ("packed", "onednn")}
    made = network(dtype, microbatches=microbatches, found={"onednn_projection": False} | products)
    layout = layout_of(partition, made.outline.vocab, "all" if shared else None)
    stages = len(layout.parts)
    kinds = [random.random() < 0.5 for _ in range(stages)] if mixed else [True] * stages
    cut = {"microbatches": microbatches, "chunks": chunks}
    ours, usual = (SlicedModel(made, layout, each, **cut) for each in (kinds, [False] * stages))
    for number in range(2):
        batch = batch_of(made, microbatches, chunks, seed + number)
        loss, gradients = ours.step(batch, random)
        expected_loss, expected = usual.step(batch, random)
        assert loss == pytest.approx(expected_loss, rel=TOLERANCES[dtype])
        errors, _, _ = relative_errors(expected, gradients)
        assert max(errors.values()) <= TOLERANCES[dtype], errors
        ours.update()
        usual.update()


def stage(microbatches: int = 1, chunks: int = 2) -> SplitStage:
    made = network("float64", microbatches=microbatches)
    part = made.part(MIDDLE)
    split = made.split(part, microbatches=microbatches, chunks=chunks)
    assert split is not None
    built = SplitStage(part, split, loss=torch.zeros(()), microbatches=microbatches, chunks=chunks)
    built.load(batch_of(made, microbatches, chunks, 1))
    built.begin()
    return built


def activations(chunks: int = 2) -> list[tuple[torch.Tensor]]:
    return [(torch.ones(STEPS // chunks, 2, 7, dtype=torch.float64),)]


def test_a_backward_without_its_forward_is_noticed() -> None:
    with pytest.raises(AssertionError, match="needs its forward"):
        stage().backward(0, 0, activations())


def test_a_backward_of_the_weights_without_that_of_the_input_is_noticed() -> None:
    built = stage()
    built.forward(0, 0, activations())
    with pytest.raises(AssertionError, match="needs that of the input"):
        built.backward_weight([(0, 0)])


@pytest.mark.parametrize("so_far", ["F", "I"])
def test_a_step_that_was_left_unfinished_is_noticed(so_far: str) -> None:
    built = stage(chunks=1)
    built.forward(0, 0, activations(1))
    if so_far == "I":
        built.backward_input(0, 0, activations(1))
    with pytest.raises(AssertionError, match="never followed by its backward"):
        built.load(batch_of(network("float64"), 1, 1, 2))


def test_a_whole_backward_is_both_halves() -> None:
    gradients = []
    for whole in (True, False):
        built = stage(chunks=1)
        built.forward(0, 0, activations(1))
        if whole:
            (found,) = built.backward(0, 0, activations(1))
        else:
            (found,) = built.backward_input(0, 0, activations(1))
            built.backward_weight([(0, 0)])
        built.finish()
        gradients.append([found[0], *(parameter.grad for parameter in built.part.parameters())])
    assert all(torch.equal(one, other) for one, other in zip(*gradients, strict=True))


def test_what_goes_out_is_no_part_of_a_graph() -> None:
    (output,) = stage().forward(0, 0, activations()) or ()
    assert not output.requires_grad
