from dataclasses import replace
from itertools import product

import pytest

from pipebench.models.layout import Sharing, edges_of, layout_of, stage_slices
from pipebench.models.network import merged
from pipebench.models.outline import MemoryBytes, Row, Slice, whole, whole_memory
from pipebench.models.seq2seq.network import Seq2SeqPart
from pipebench.models.seq2seq.outline import DECODER, ENCODER, PRESETS, SEGMENTS, Seq2SeqOutline
from tests.models.seq2seq.building import PAIRS, SMALL, network_for_pairs

PAPER = Seq2SeqOutline(**PRESETS["seq2seq-2014"])
EMBEDDINGS = Slice(0, 0, opens=True, closes=False)
PAIR = Slice(1, 2, opens=False, closes=False)
PROJECTION = Slice(3, 3, opens=False, closes=True)
PARTITIONS = ((3,), (1, 2), (2, 1), (1, 1, 1), (3, 0), (1, 1, 1, 0))


def test_presets_are_those_of_the_contract_and_the_first_one_is_the_default() -> None:
    names = ("layers", "hidden", "source_vocab", "vocab", "batch", "sequence_length")
    assert list(PRESETS) == ["seq2seq-2014-small", "seq2seq-tiny", "seq2seq-2014"]
    assert [tuple(preset[name] for name in names) for preset in PRESETS.values()] == [
        (4, 256, 40_960, 20_480, 128, 24),
        (4, 32, 200, 150, 32, 12),
        (4, 1000, 160_000, 80_000, 128, 28),
    ]
    assert all(list(preset) == list(names) for preset in PRESETS.values())


def test_the_paper_s_model_has_384_million_parameters() -> None:
    """Of which 64 M are recurrent, 32 M in each of encoder and decoder (Sutskever, Vinyals and Le, 2014)."""
    recurrent = PAPER.parameters(Slice(0, 4, opens=False, closes=False))
    assert PAPER.parameters(whole(PAPER)) == 384_144_000
    assert recurrent == 2 * 4 * (4 * 1000 * 2000 + 8000) == 64_064_000
    assert PAPER.parameters(EMBEDDINGS) == 240_000_000
    assert PAPER.parameters(PROJECTION) == 80_080_000


def layouts() -> list[tuple[tuple[int, ...], Sharing]]:
    return [*((p, None) for p in PARTITIONS), *product(((3,), (2, 1)), ("all", 1, 2, 4))]


@pytest.mark.parametrize(("partition", "sharing"), layouts(), ids=str)
def test_each_part_has_as_many_parameters_as_are_counted(
    partition: tuple[int, ...], sharing: Sharing
) -> None:
    network = network_for_pairs(*PAIRS)
    layout = layout_of(partition, SMALL.vocab, sharing)
    counted = [SMALL.parameters(part) for part in layout.parts]
    made = [sum(p.numel() for _, p in network.part(part).named()) for part in layout.parts]
    assert made == counted
    assert sum(counted) == SMALL.parameters(whole(SMALL))
    assert sum(map(SMALL.step_flops, layout.parts)) == pytest.approx(SMALL.step_flops(whole(SMALL)))


def test_operations_of_the_paper_s_model_are_8_and_80_million_multiply_adds_a_word() -> None:
    one = replace(PAPER, batch=1, sequence_length=1)
    assert one.step_flops(PAIR) == 6 * 2 * 8_000_000  # a word on each side
    assert one.step_flops(PROJECTION) == 6 * 80_000_000
    assert one.step_flops(EMBEDDINGS) == 0


def test_operations_are_of_the_positions_that_were_read_on_each_side() -> None:
    read = replace(SMALL, positions_read=(20.0, 11.0))
    assert read.step_flops(PAIR) == 6 * 8 * 6**2 * (20 + 11)
    assert read.step_flops(PROJECTION) == 6 * 6 * 19 * 11
    nominal = replace(SMALL, positions_read=(35.0, 35.0))
    assert nominal.step_flops(whole(SMALL)) == SMALL.step_flops(whole(SMALL))
    assert read.positions == SMALL.positions == 2 * 5 * 7
    assert replace(SMALL, dtype="float32").step_s(PAIR, 2.0) == SMALL.step_s(PAIR, 2.0) / 2
    assert replace(SMALL, dtype="float32").step_s(PAIR, 2.0) == SMALL.step_flops(PAIR) / 2


def test_time_is_two_segments_and_the_head_is_in_the_last_one() -> None:
    assert (SMALL.segments, SEGMENTS, ENCODER, DECODER) == (2, (0, 1), 0, 1)
    assert (SMALL.time, SMALL.batch, SMALL.head_rows) == (7, 5, 19)
    assert SMALL.clips
    assert SMALL.row == Row(3, "pairs of layers", "--layers", "projection")
    assert SMALL.forms == ("chain", "chain-microbatches")


def test_a_pair_of_layers_saves_8_numbers_a_cell_on_each_side_and_a_head_its_input_and_two_of_each_word() -> (
    None
):
    each = 5 * 7 * 8  # positions of a side, bytes of a number
    assert SMALL.saved_bytes(PAIR) == each * 2 * 8 * 6
    assert SMALL.saved_bytes(PROJECTION) == each * (6 + 2 * 19)
    assert SMALL.saved_bytes(EMBEDDINGS) == 0
    assert SMALL.saved_bytes(PAIR, 4) == each * 2 * 8 * 6 // 4
    assert SMALL.saved_bytes(Slice(0, 3, opens=True, closes=True)) == each * (3 * 2 * 8 * 6 + 6 + 2 * 19)


@pytest.mark.parametrize("shards", [1, 2, 4])
def test_shards_save_their_input_and_logits_and_the_loss_their_figures(shards: int) -> None:
    *_, loss = parts = layout_of((2, 1), SMALL.vocab, shards).parts
    each = 5 * 7 * 8
    for part in parts[2:-1]:
        assert part.rows is not None
        assert SMALL.saved_bytes(part) == each * (6 + part.rows.number)
        assert SMALL.input_bytes(part, 3) == -(-each * 6 // 3)
    assert SMALL.saved_bytes(loss) == each * (5 * shards + 1)
    assert SMALL.input_bytes(loss) == each * 4 * shards


def test_the_input_of_a_part_is_activations_of_the_segments_it_lives_in_and_words_are_kept_anyway() -> None:
    each = 5 * 7 * 6 * 8
    assert SMALL.input_bytes(Slice(0, 1, opens=True, closes=False)) == 0
    assert SMALL.input_bytes(PAIR, 4) == 2 * each // 4
    assert SMALL.input_bytes(PROJECTION, 4) == each // 4


def test_memory_counts_a_gradient_row_for_each_position_and_none_for_other_words() -> None:
    assert SMALL.memory(PAIR, 77) == MemoryBytes(2 * 336 * 8, 2 * 336 * 8, 0, 77)
    opening = SMALL.memory(EMBEDDINGS, 0)
    assert opening.parameters == (23 + 19) * 6 * 8
    assert opening.gradients == 2 * 5 * 7 * 6 * 8
    total = whole_memory(PAPER)
    assert total.parameters == 4 * 384_144_000
    assert total.gradients == 4 * (144_144_000 + 2 * 128 * 28 * 1000)


def test_wider_numbers_double_every_byte() -> None:
    narrow = replace(SMALL, dtype="float32")
    assert whole_memory(SMALL) == tuple(2 * part for part in whole_memory(narrow))
    assert (narrow.element_bytes, SMALL.element_bytes) == (4, 8)


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (Slice(0, 2, opens=True, closes=False), "embeddings + LSTM pairs 0-1"),
        (Slice(2, 3, opens=False, closes=False), "LSTM pair 2"),
        (Slice(1, 3, opens=False, closes=True), "LSTM pairs 1-2 + projection"),
        (Slice(0, 3, opens=True, closes=True), "embeddings + LSTM pairs 0-2 + projection"),
        (PROJECTION, "projection"),
        (EMBEDDINGS, "embeddings"),
        *zip(layout_of((3,), 19, 2).parts[1:], ("softmax 0-8", "softmax 9-18", "loss"), strict=True),
    ],
)
def test_a_part_says_what_it_holds(part: Slice, text: str) -> None:
    assert SMALL.text(part) == text


@pytest.mark.parametrize("partition", PARTITIONS)
def test_where_parameters_are_is_the_part_that_has_them(partition: tuple[int, ...]) -> None:
    for part in stage_slices(partition):
        names = [name for name, _ in Seq2SeqPart(SMALL, part).named()]
        assert SMALL.where(names) == SMALL.text(part)
    assert SMALL.where(["decoder.1.bias_hh_l0", "encoder.2.weight_ih_l0"]) == "LSTM pairs 1-2"
    assert SMALL.where(["target_embedding.weight"]) == "embeddings"


def test_the_head_s_parameters_are_named_as_they_are() -> None:
    names = {name for name, _ in Seq2SeqPart(SMALL, PROJECTION).named()}
    assert names == set(SMALL.head_parameters)
    every = merged(dict(Seq2SeqPart(SMALL, part).named()) for part in stage_slices((1, 2)))
    assert len(every) == 2 + 3 * 2 * 4 + 2


@pytest.mark.parametrize("chunks", range(1, 8))
def test_an_edge_is_as_long_as_the_longest_chunk_and_shrinks_with_shorter_ones(chunks: int) -> None:
    edges = edges_of(replace(SMALL, batch=6), layout_of((2, 1), 19, 2), 3, chunks)
    longest = -(-7 // chunks)
    assert [*edges] == [(0, 1), (1, 2), (1, 3), (2, 4), (3, 4)]
    for ends, edge in edges.items():
        assert edge.steps == longest
        for steps in range(1, longest + 1):
            sent = [(spec.shape, spec.bytes) for spec in edge.at(steps).sent]
            back = [spec.shape for spec in edge.at(steps).gradients]
            if ends[0] < 2:
                assert (sent, back) == ([((steps, 2, 6), steps * 2 * 6 * 8)], [(steps, 2, 6)])
            else:
                assert (sent, back) == ([((3, 2 * steps), 3 * 2 * steps * 8)], [(2 * steps,)])
