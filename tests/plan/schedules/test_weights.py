from math import inf

from hypothesis import given
from hypothesis import strategies as st

from pipebench.plan.schedules.weights import Rectangle, Weights
from tests.builders import PROPERTY


def test_a_cell_is_the_latest_chunks_of_the_oldest_microbatch() -> None:
    weights = Weights(8)
    for chunk in (3, 2, 1):
        weights.add(1, chunk, chunk)
    weights.add(0, 3, 3)
    assert (weights.waiting, weights.left) == (4, 4)
    cell = weights.largest(2)
    assert cell == Rectangle(1, 1, 2, 3)
    weights.take(cell)
    assert weights.largest(inf) == Rectangle(1, 1, 1, 1)
    assert weights.waiting == 2


def test_microbatches_with_the_same_row_are_one_cell_as_far_as_it_may_go() -> None:
    weights = Weights(9)
    for microbatch in range(3):
        weights.add(microbatch, 1, 2)
    weights.add(2, 0, 0)
    assert weights.largest(5) == Rectangle(0, 2, 1, 2)
    assert weights.largest(3) == Rectangle(0, 1, 1, 2)
    assert weights.largest(inf) == Rectangle(0, 3, 1, 2)
    weights.take(weights.largest(inf))
    assert weights.largest(inf) == Rectangle(2, 1, 0, 0)


def test_groups_that_are_added_in_any_order_are_joined_where_they_meet() -> None:
    weights = Weights(8)
    weights.add(0, 0, 1)
    weights.add(0, 2, 3)
    weights.add(0, 6, 7)
    assert weights.largest(inf) == Rectangle(0, 1, 0, 3)


@PROPERTY
@given(st.data(), st.integers(1, 4), st.integers(1, 6))
def test_every_slice_is_taken_once(data: st.DataObject, microbatches: int, chunks: int) -> None:
    weights, taken = Weights(microbatches * chunks), []
    slices = [(m, c) for m in range(microbatches) for c in range(chunks)]
    for microbatch, chunk in data.draw(st.permutations(slices)):
        weights.add(microbatch, chunk, chunk)
        if data.draw(st.booleans()):
            taken.append(weights.largest(data.draw(st.integers(1, 8))))
            weights.take(taken[-1])
    while weights.waiting:
        taken.append(weights.largest(inf))
        weights.take(taken[-1])
    found = [
        (cell.microbatch + more, place)
        for cell in taken
        for more in range(cell.microbatches)
        for place in range(cell.low, cell.high + 1)
    ]
    assert sorted(found) == slices
    assert weights.left == 0
