import pytest

from pipebench.models.outline import Rows
from pipebench.models.shards import FIGURES, figures_edge, piece, shard_text, shared_rows


@pytest.mark.parametrize("rows", [8, 9, 37, 1000, 1003])
@pytest.mark.parametrize("shards", [1, 2, 3, 4, 8])
def test_equal_weights_give_sizes_that_differ_by_one_at_most(rows: int, shards: int) -> None:
    found = shared_rows(rows, [1.0] * shards)
    sizes = [each.number for each in found]
    assert sum(sizes) == rows
    assert max(sizes) - min(sizes) <= 1
    assert [each.first for each in found] == [0, *(each.end for each in found[:-1])]


def test_weights_are_kept_and_nobody_goes_empty() -> None:
    assert [each.number for each in shared_rows(1000, [1, 1, 1, 0.25])] == [307, 308, 307, 78]
    assert [each.number for each in shared_rows(4, [1, 1, 1, 0.001])] == [1, 1, 1, 1]


def test_three_figures_of_a_position_go_and_one_comes_back() -> None:
    edge = figures_edge(10, "float64")
    assert FIGURES == 3
    assert (edge.forward_bytes, edge.backward_bytes) == (3 * 10 * 8, 10 * 8)
    assert [spec.shape for spec in edge.sent] == [(3, 10)]
    assert [spec.shape for spec in edge.gradients] == [(10,)]


def test_shards_in_words() -> None:
    assert shard_text(Rows(125, 250)) == "softmax 125-249"
    assert shard_text(Rows(3, 4)) == "softmax 3"
    assert piece("projection.bias", Rows(125, 250)) == "projection.bias rows 125-249"
