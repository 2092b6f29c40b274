"""Stages in halves against those with autograd: the same model, any slices, any legal order."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipebench.models.layout import layout_of
from pipebench.models.outline import Slice
from pipebench.runtime.verification import relative_errors
from tests.runtime.split_model import SlicedModel, batch_of, network

TOLERANCES = {"float32": 1e-5, "float64": 1e-10}
MIDDLE = Slice(1, 3, opens=False, closes=False)


@settings(max_examples=40, deadline=None)
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
