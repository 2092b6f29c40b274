"""When a part makes the products of its backward: at the start of the step, if it has to wait for its first input."""

import pytest
import torch
from torch import nn

from pipebench.models.network import StepBatch
from pipebench.models.stacked_lstm.split.part import Sizes, SplitPart
from tests.models.stacked_lstm.split.building import Counting, drawn, lstm

STEPS, BATCH, HIDDEN = 2, 3, 4


@pytest.mark.parametrize(
    ("embedded", "at_the_start", "at_the_end"),
    [(True, 2, 4), (False, 4, 4)],
    ids=["first part", "later part"],
)
def test_only_the_first_part_leaves_its_backward_s_products_to_the_backward(
    *, embedded: bool, at_the_start: int, at_the_end: int
) -> None:
    counting = Counting()
    embedding = nn.Embedding(5, HIDDEN, dtype=torch.float64) if embedded else None
    part = SplitPart(
        [lstm(HIDDEN), lstm(HIDDEN)], embedding, None, counting, Sizes(1, STEPS, steps=1, batch=BATCH)
    )
    slices = [(0, chunk) for chunk in range(STEPS)]
    words = [torch.ones(1, BATCH, dtype=torch.int64) for _ in slices]
    part.load(StepBatch([words], [words], BATCH * STEPS))
    part.begin()
    assert counting.made == at_the_start
    for at in slices:
        part.forward([at], [[] if embedded else [(drawn(1, BATCH, HIDDEN),)]])
    for at in reversed(slices):
        part.backward_input([at], [[(drawn(1, BATCH, HIDDEN),)]])
    assert counting.made == at_the_end
