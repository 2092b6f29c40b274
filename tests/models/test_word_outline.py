"""What models of words have in common: their softmax, their figures a slice, their words."""

from dataclasses import replace

import pytest

from pipebench.models.outline import Rows, Slice, whole
from pipebench.models.seq2seq.outline import Seq2SeqOutline
from pipebench.models.stacked_lstm.outline import LSTMOutline
from pipebench.models.transformer.outline import TransformerOutline
from pipebench.models.word_outline import WordOutline

SIZES = {"layers": 3, "hidden": 6, "vocab": 20, "batch": 4, "sequence_length": 8}
MODELS = [
    LSTMOutline(**SIZES),
    Seq2SeqOutline(**SIZES, source_vocab=30),
    TransformerOutline(**SIZES, heads=2),
]
SHARD = Slice(3, 3, opens=False, closes=False, rows=Rows(5, 12))
LOSS = Slice(3, 3, opens=False, closes=True, joins=4)
PROJECTION = Slice(3, 3, opens=False, closes=True)


@pytest.mark.parametrize("outline", MODELS)
def test_a_softmax_costs_the_same_behind_whatever_layers(outline: WordOutline) -> None:
    words = 4 * 8
    assert [outline.words(part) for part in (SHARD, LOSS, PROJECTION)] == [7, 0, 20]
    assert [outline.parameters(part) for part in (SHARD, LOSS, PROJECTION)] == [7 * 7, 0, 20 * 7]
    assert [outline.step_flops(part) for part in (SHARD, LOSS)] == [3 * 2 * 6 * 7 * words, 0]
    assert outline.saved_bytes(SHARD, 4) == words // 4 * (6 + 7) * 4
    assert outline.saved_bytes(LOSS, 4) == words // 4 * (4 * 5 + 1) * 4
    assert outline.saved_bytes(PROJECTION, 4) == words // 4 * (6 + 2 * 20) * 4
    assert [outline.input_bytes(part, 4) for part in (SHARD, LOSS)] == [8 * 6 * 4, 8 * 4 * 4 * 4]
    assert outline.memory(SHARD, 9) == (7 * 7 * 4, 7 * 7 * 4, 0, 9)


@pytest.mark.parametrize(
    ("outline", "texts"),
    [
        (
            MODELS[0],
            ("embedding + LSTM 0-2 + projection", "embedding + LSTM 0", "LSTM 1-2"),
        ),
        (
            MODELS[1],
            ("embeddings + LSTM pairs 0-2 + projection", "embeddings + LSTM pair 0", "LSTM pairs 1-2"),
        ),
        (
            MODELS[2],
            ("embedding + blocks 0-2 + projection", "embedding + block 0", "blocks 1-2"),
        ),
    ],
)
def test_a_part_is_told_by_what_it_has(outline: WordOutline, texts: tuple[str, ...]) -> None:
    first, rest = Slice(0, 1, opens=True, closes=False), Slice(1, 3, opens=False, closes=False)
    assert tuple(outline.text(part) for part in (whole(outline), first, rest)) == texts
    assert [outline.text(part) for part in (SHARD, LOSS)] == ["softmax 5-11", "loss"]


@pytest.mark.parametrize("outline", MODELS)
def test_float64_takes_twice_the_time_and_twice_the_bytes(outline: WordOutline) -> None:
    wide = replace(outline, dtype="float64")
    everything = whole(outline)
    assert wide.step_s(everything, 1e9) == 2 * outline.step_s(everything, 1e9)
    assert wide.saved_bytes(everything, 2) == 2 * outline.saved_bytes(everything, 2)
    assert outline.step_s(everything, 1e9) == outline.step_flops(everything) / 1e9
