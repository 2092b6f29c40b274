import pytest

from pipebench.models.outline import MemoryBytes, Slice, whole, whole_memory
from pipebench.models.stacked_lstm.outline import LSTMOutline

LSTM = Slice(0, 1, opens=False, closes=False)
EMBEDDING = Slice(0, 0, opens=True, closes=False)
PROJECTION = Slice(8, 8, opens=False, closes=True)
SMALL = LSTMOutline(layers=2, hidden=3, vocab=10, batch=4, sequence_length=6)


def test_parameters_are_those_that_torch_has() -> None:
    """An LSTM layer: weights 4H x H twice, biases 4H twice; embedding V x H; projection H x V and V."""
    assert SMALL.parameters(LSTM) == 2 * 4 * 3 * 3 + 2 * 4 * 3 == 96
    assert SMALL.parameters(EMBEDDING) == 30
    assert SMALL.parameters(PROJECTION) == 40
    assert SMALL.parameters(whole(SMALL)) == 2 * 96 + 30 + 40


def test_parameters_of_stages_sum_to_those_of_the_whole() -> None:
    stages = (Slice(0, 1, opens=True, closes=False), Slice(1, 2, False, True))
    assert sum(map(SMALL.parameters, stages)) == SMALL.parameters(whole(SMALL))
    assert sum(map(SMALL.step_flops, stages)) == SMALL.step_flops(whole(SMALL))


def test_operations_of_the_2014_model_are_8_and_80_million_multiply_adds_a_word() -> None:
    """Sutskever et al.: an LSTM layer of 1000 cells 8 M, a softmax over 80,000 words 80 M; times 6 to train."""
    workload = LSTMOutline(layers=4, hidden=1000, vocab=80_000, batch=1, sequence_length=1)
    assert workload.step_flops(LSTM) == 6 * 8_000_000
    assert workload.step_flops(PROJECTION) == 6 * 80_000_000
    assert workload.step_flops(EMBEDDING) == 0


def test_operations_grow_with_the_words_of_a_step() -> None:
    assert SMALL.positions == 24
    assert SMALL.step_flops(whole(SMALL)) == 6 * (2 * 8 * 9 + 30) * 24


@pytest.mark.parametrize(("dtype", "size"), [("float32", 4), ("float64", 8)])
def test_a_message_carries_one_hidden_vector_a_word_of_its_slice(dtype: str, size: int) -> None:
    workload = LSTMOutline(8, 256, 1000, 128, 32, dtype=dtype)
    assert workload.element_bytes == size
    assert workload.edge(LSTM, 1, 1).forward_bytes == 128 * 32 * 256 * size
    assert workload.edge(LSTM, 16, 1).forward_bytes == 8 * 32 * 256 * size
    assert workload.edge(LSTM, 4, 8).forward_bytes == 32 * 4 * 256 * size


def test_memory_counts_parameters_gradients_and_what_is_alive() -> None:
    memory = SMALL.memory(LSTM, 3 * SMALL.saved_bytes(LSTM, 4))
    saved = 3 * (24 // 4) * (8 * 3) * 4  # 3 slices of 6 words, 8 H numbers a layer
    assert memory == MemoryBytes(96 * 4, 96 * 4, 0, saved)
    assert memory.total == 2 * 384 + saved


def test_the_projection_saves_its_input_its_logits_and_their_softmax() -> None:
    assert SMALL.saved_numbers(PROJECTION) == 3 + 2 * 10
    assert SMALL.saved_numbers(EMBEDDING) == 0
    assert SMALL.saved_numbers(whole(SMALL)) == 2 * 24 + 23


def test_wider_numbers_double_every_byte() -> None:
    wide = LSTMOutline(2, 3, 10, 4, 6, dtype="float64")
    assert whole_memory(wide) == tuple(2 * part for part in whole_memory(SMALL))


def test_the_input_of_a_slice_is_its_activations_and_words_are_kept_anyway() -> None:
    assert SMALL.input_bytes(LSTM, 4) == SMALL.edge(LSTM, 2, 2).forward_bytes == 24 // 4 * 3 * 4
    assert SMALL.input_bytes(whole(SMALL), 4) == 0


@pytest.mark.parametrize(
    ("stage", "text"),
    [
        (Slice(0, 2, opens=True, closes=False), "embedding + LSTM 0-1"),
        (Slice(3, 4, opens=False, closes=False), "LSTM 3"),
        (Slice(6, 8, opens=False, closes=True), "LSTM 6-7 + projection"),
        (Slice(8, 8, opens=False, closes=True), "projection"),
        (Slice(0, 8, opens=True, closes=True), "embedding + LSTM 0-7 + projection"),
    ],
)
def test_a_stage_says_what_it_holds(stage: Slice, text: str) -> None:
    assert SMALL.text(stage) == text
    assert stage.layers == stage.end - stage.first


def test_the_whole_model_is_one_stage() -> None:
    assert whole(SMALL) == Slice(0, 2, opens=True, closes=True)
