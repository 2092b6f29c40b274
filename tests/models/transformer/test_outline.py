import pytest
import torch

from pipebench.models.outline import MemoryBytes, Slice, telling_flops, whole, whole_memory
from pipebench.models.transformer.network import Transformer
from pipebench.models.transformer.outline import PRESETS, TransformerOutline
from tests.models.transformer.building import SMALL

BLOCK = Slice(1, 2, opens=False, closes=False)
LAST = Slice(2, 3, opens=False, closes=False)
FIRST = Slice(0, 1, opens=True, closes=False)
PROJECTION = Slice(3, 3, opens=False, closes=True)
STAGES = (FIRST, BLOCK, LAST, PROJECTION)


def test_presets_have_the_published_sizes() -> None:
    sizes = ("layers", "hidden", "heads", "vocab", "batch", "sequence_length")
    assert {name: tuple(preset[size] for size in sizes) for name, preset in PRESETS.items()} == {
        "transformer-small": (8, 256, 8, 1000, 32, 64),
        "transformer-tiny": (4, 32, 2, 200, 32, 16),
    }


@pytest.mark.parametrize("part", [*STAGES, whole(SMALL)], ids=SMALL.text)
def test_parameters_are_those_that_torch_has(part: Slice) -> None:
    found = sum(parameter.numel() for parameter in Transformer(SMALL, part).parameters())
    assert SMALL.parameters(part) == found


def test_parameters_and_operations_of_stages_sum_to_those_of_the_whole() -> None:
    assert sum(map(SMALL.parameters, STAGES)) == SMALL.parameters(whole(SMALL))
    assert sum(map(SMALL.step_flops, STAGES)) == SMALL.step_flops(whole(SMALL))


def test_operations_of_a_block_are_12_width_squared_a_word_and_what_it_attends_to() -> None:
    """Kaplan et al. (arXiv 2001.08361): 12 d^2 parameters a block, each 6 operations a word to train."""
    words, hidden, length = SMALL.positions, SMALL.hidden, SMALL.sequence_length
    attended = SMALL.batch * length * (length + 1) // 2
    assert SMALL.step_flops(BLOCK) == 6 * (12 * hidden**2 * words + 2 * hidden * attended)
    assert SMALL.step_flops(PROJECTION) == 6 * hidden * SMALL.vocab * words
    assert SMALL.step_s(BLOCK, 1e9) == 2 * SMALL.step_flops(BLOCK) / 1e9, "float64"


@pytest.mark.parametrize("chunks", [1, 2, 4, 8])
def test_the_later_a_chunk_the_more_it_has_to_do(chunks: int) -> None:
    shares = SMALL.chunk_shares(BLOCK, chunks)
    assert sum(shares) == pytest.approx(1)
    assert shares == sorted(set(shares))
    steps, hidden = SMALL.sequence_length // chunks, SMALL.hidden
    work = [
        sum(12 * hidden**2 + 2 * hidden * (word + 1) for word in range(n * steps, (n + 1) * steps))
        for n in range(chunks)
    ]
    assert shares == pytest.approx([each / sum(work) for each in work])
    assert SMALL.chunk_shares(PROJECTION, chunks) == pytest.approx([1 / chunks] * chunks)
    opening = Slice(0, 0, opens=True, closes=False)
    assert SMALL.chunk_shares(opening, chunks) == [1 / chunks] * chunks, "looking up costs nothing"


def test_its_speed_says_nothing_of_a_card() -> None:
    """Machine presets know LSTMs."""
    assert telling_flops(SMALL) is None


def test_memory_counts_parameters_gradients_and_what_is_alive() -> None:
    assert SMALL.memory(BLOCK, 77) == MemoryBytes(*[SMALL.parameters(BLOCK) * 8] * 2, 0, 77)
    words, hidden = SMALL.positions, SMALL.hidden
    assert SMALL.saved_bytes(BLOCK) == words * (16 * hidden + 4 + SMALL.heads) * 8
    assert SMALL.saved_bytes(LAST) - SMALL.saved_bytes(BLOCK) == words * (hidden + 2) * 8, "the final norm"
    assert SMALL.saved_bytes(PROJECTION) == words * (hidden + 2 * SMALL.vocab) * 8
    assert SMALL.past_bytes(BLOCK, 4) == words // 4 * 2 * hidden * 8
    assert SMALL.past_bytes(PROJECTION, 4) == 0
    assert whole_memory(SMALL).saved_tensors == sum(map(SMALL.saved_bytes, STAGES))


def test_only_activations_cross_a_border() -> None:
    edge = SMALL.edge(BLOCK, 2, 4)
    (tensor,) = edge.tensors
    assert (tensor.shape, tensor.dtype, tensor.gradient) == ((2, 2, 12), "float64", True)
    assert SMALL.input_bytes(BLOCK, 8) == edge.forward_bytes
    assert SMALL.input_bytes(FIRST, 8) == 0, "words are kept anyway"


def test_parts_have_names() -> None:
    assert [SMALL.text(part) for part in (*STAGES, whole(SMALL))] == [
        *("embedding + block 0", "block 1", "block 2", "projection"),
        "embedding + blocks 0-2 + projection",
    ]
    for part in STAGES:
        names = [name for name, _ in Transformer(SMALL, part).named()]
        assert SMALL.where(names) == SMALL.text(part)
    assert SMALL.where(["norm.bias"]) == "block 2"
    assert SMALL.where(["positions.weight", "blocks.0.up.weight"]) == "embedding + block 0"


def test_the_row_counts_blocks_and_the_projection_may_stand_alone() -> None:
    assert SMALL.row == (3, "blocks", "--layers", "projection")
    assert (SMALL.time, SMALL.head_rows, SMALL.segments, SMALL.clips) == (8, 19, 1, False)
    assert TransformerOutline(1, 2, 1, 5, 1, 1).element_bytes == torch.float32.itemsize
