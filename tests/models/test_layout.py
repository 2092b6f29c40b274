"""Which device has what, and who feeds whom."""

from itertools import pairwise

import pytest

from pipebench.models.layout import (
    Shape,
    chain_layout,
    edges_of,
    graph_of,
    layout_of,
    shard_weights,
    stage_slices,
)
from pipebench.models.outline import Rows, Slice, whole
from pipebench.models.stacked_lstm.outline import LSTMOutline
from pipebench.plan.graph import Graph

OUTLINE = LSTMOutline(layers=3, hidden=8, vocab=37, batch=4, sequence_length=6)


def test_stages_are_contiguous_with_the_embedding_first_and_the_projection_last() -> None:
    assert stage_slices((2, 1, 0)) == (
        Slice(0, 2, opens=True, closes=False),
        Slice(2, 3, opens=False, closes=False),
        Slice(3, 3, opens=False, closes=True),
    )
    assert stage_slices((8,)) == (Slice(0, 8, opens=True, closes=True),)


def test_a_chain_has_a_stage_on_each_device_and_is_the_graph_that_it_was() -> None:
    layout = chain_layout((2, 1))
    assert layout.device_of == (0, 1)
    assert layout.feeds == ((1,), ())
    assert layout.pieces(OUTLINE) == {}
    assert graph_of(Shape(2, None), 4, 3) == Graph(2, 4, 3)
    assert graph_of(Shape(2, None, split_backward=True), 4, 3) == Graph(2, 4, 3, split_backward=True)
    assert graph_of(Shape(2, "all", split_backward=True), 4, 3).split_backward
    assert [layout.text(OUTLINE, device) for device in range(2)] == [
        "embedding + LSTM 0-1",
        "LSTM 2 + projection",
    ]


def test_devices_beyond_the_chain_have_a_shard_each_and_the_middle_one_the_loss() -> None:
    layout = layout_of((2, 1), 37, 3)
    assert layout.device_of == (0, 1, 2, 3, 4, 3)
    assert layout.feeds == ((1,), (2, 3, 4), (5,), (5,), (5,), ())
    assert (layout.chain, layout.devices) == (2, 5)
    assert [part.rows for part in layout.parts] == [None, None, Rows(0, 12), Rows(12, 25), Rows(25, 37), None]
    assert [part.closes for part in layout.parts] == [False] * 5 + [True]
    assert layout.parts[-1].joins == 3
    assert [layout.text(OUTLINE, device) for device in range(5)] == [
        "embedding + LSTM 0-1",
        "LSTM 2",
        "softmax 0-11",
        "softmax 12-24 + loss",
        "softmax 25-36",
    ]


def test_all_devices_of_the_chain_have_a_shard_the_last_one_as_light_as_it_is_told() -> None:
    layout = layout_of((1, 1, 1), 1003, "all", [1.0, 1.0, 0.25])
    assert layout.device_of == (0, 1, 2, 0, 1, 2, 1)
    rows = [part.rows for part in layout.parts if part.rows is not None]
    assert [each.number for each in rows] == [445, 446, 112]
    assert rows[0].first == 0
    assert all(left.end == right.first for left, right in pairwise(rows))
    assert rows[-1].end == 1003


def test_one_device_can_have_it_all() -> None:
    layout = layout_of((3,), 37, "all")
    assert layout.device_of == (0, 0, 0)
    assert layout.feeds == ((1,), (2,), ())
    assert layout.text(OUTLINE, 0) == "embedding + LSTM 0-2 + softmax 0-36 + loss"


def test_every_shard_has_a_word_where_there_are_as_many_as_words() -> None:
    rows = [
        part.rows for part in layout_of((1, 1, 1), 3, "all", [1.0, 1.0, 0.25]).parts if part.rows is not None
    ]
    assert rows == [Rows(0, 1), Rows(1, 2), Rows(2, 3)]


# An LSTM layer is 8 x 64 x 64 products a word; so is an eighth of a projection to 4096 words, 64 x 512.
EIGHT = LSTMOutline(layers=8, hidden=64, vocab=4096, batch=16, sequence_length=8)


def weights(partition: tuple[int, ...], microbatches: int, outline: LSTMOutline = EIGHT) -> list[float]:
    """In layers' worth of work."""
    layer = outline.step_s(Slice(0, 1, opens=False, closes=False), 1.0)
    return [found / layer for found in shard_weights(outline, partition, microbatches, 1)]


def test_equal_devices_get_equal_shards_but_for_the_last_that_is_spared_a_slice() -> None:
    found = weights((1,) * 8, 16)
    assert found == pytest.approx([*[1 + 1 / 128] * 7, 1 + 1 / 128 - 1 / 16])
    assert sum(found) == pytest.approx(8)
    assert weights((1,) * 8, 1)[-1] == 0.25, "a quarter of an even share stays"
    assert weights((8,), 1) == [8.0]


def test_where_only_filling_costs_time_a_device_has_so_much_less_as_it_begins_later() -> None:
    outline = LSTMOutline(layers=4, hidden=8, vocab=256, batch=4, sequence_length=6)
    layer = outline.step_s(Slice(1, 2, opens=False, closes=False), 1.0)
    found = [each / layer for each in shard_weights(outline, (1, 1, 1, 1), 2, 6, only_fills=True)]
    assert sum(found) == pytest.approx(4.0)
    assert [a - b for a, b in pairwise(found)] == pytest.approx([1 / 36] * 3)  # a third of a slice of 12 each
    one, two = shard_weights(outline, (1, 3), 1, 1, only_fills=True)
    assert one / layer == pytest.approx(2 + 1 + 1 / 6)
    assert two / layer == pytest.approx(1 - 1 / 6)


def test_a_device_with_less_layers_gets_more_of_the_softmax() -> None:
    found = weights((4, 3, 1), 16)
    slice_ = 1 / 16
    assert found == pytest.approx(
        [16 / 3 - 4 + slice_ / 3, 16 / 3 - 3 + slice_ / 3, 16 / 3 - 1 - 2 * slice_ / 3]
    )


def test_a_device_that_is_full_already_gets_the_least() -> None:
    small = LSTMOutline(layers=8, hidden=64, vocab=1024, batch=16, sequence_length=8)
    found = weights((6, 1, 1), 16, small)
    assert found[0] == pytest.approx(2 / 3 / 4)
    assert found[1] - found[2] == pytest.approx(1 / 16)
    assert sum(found) == pytest.approx(2)


def test_figures_are_12_bytes_a_position_there_and_4_back_and_hidden_states_go_to_every_shard() -> None:
    layout = layout_of((2, 1), 37, 2)
    edges = edges_of(OUTLINE, layout, microbatches=2, chunks=3)
    positions = (4 // 2) * (6 // 3)
    assert sorted(edges) == [(0, 1), (1, 2), (1, 3), (2, 4), (3, 4)]
    assert edges[1, 2] == edges[1, 3] == edges[0, 1]
    assert edges[1, 2].forward_bytes == edges[1, 2].backward_bytes == positions * 8 * 4
    assert (edges[2, 4].forward_bytes, edges[2, 4].backward_bytes) == (12 * positions, 4 * positions)


def test_what_shards_hold_adds_up_to_the_projection() -> None:
    layout = layout_of((2, 1), 37, "all")
    shared = sum(OUTLINE.parameters(part) for part in layout.parts)
    assert shared == OUTLINE.parameters(whole(OUTLINE))
    assert sum(OUTLINE.step_flops(part) for part in layout.parts) == OUTLINE.step_flops(whole(OUTLINE))
    assert set(layout.pieces(OUTLINE)) == {"projection.weight", "projection.bias"}
