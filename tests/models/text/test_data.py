import hashlib
import random
from array import array
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.config.run_config import RunConfig
from pipebench.errors import UsageError
from pipebench.models.text import data
from pipebench.models.text.data import BATCHES, END, PADDING, UNKNOWN, Batch, Data
from tests.builders import PROPERTY, run_config

A, B, C, D = 3, 4, 5, 6  # ids of words kept, most frequent first


def small(**changes: object) -> RunConfig:
    """2 sequences of 3 words, 4 words with an id of their own."""
    return run_config(**({"batch": 2, "sequence_length": 3, "vocab": 7} | changes))


def rows(numbers: bytes, batch: int) -> list[list[int]]:
    """The sequences of a time-major [T, B] tensor of int64, one list each."""
    flat = array("q", numbers)
    return [list(flat[column::batch]) for column in range(batch)]


def sequences(batch: Batch, size: int) -> list[tuple[list[int], list[int]]]:
    """Inputs and targets of each sequence."""
    return list(zip(rows(batch.inputs, size), rows(batch.targets, size), strict=True))


def test_targets_are_the_inputs_one_word_later() -> None:
    text = "a a a a b b b c c d. " * 10  # pieces of 4 words: a a a a | b b b c | c d END
    first = data.from_text(text, "text", small()).batches[0]
    assert sequences(first, 2)[0] == ([A, A, A], [A, A, A])
    assert sequences(first, 2)[1] == ([B, B, B], [B, B, C])
    assert first.words == 6


def test_a_short_sentence_is_padded_and_its_padding_is_not_counted() -> None:
    batches = data.from_text("a b.", "text", small()).batches
    # words a, b, "." and END: 4 numbers predict 3 words
    assert sequences(batches[0], 2)[0] == ([A, B, C], [B, C, END])
    batches = data.from_text("a\n\na\n\nb", "text", small()).batches
    assert sequences(batches[0], 2) == [([A, END, PADDING], [END, PADDING, PADDING])] * 2
    assert batches[0].words == 2


def test_longer_pieces_come_first_so_that_like_lengths_share_a_batch() -> None:
    text = "a\n\na b\n\na b c\n\n" * 3
    lengths = [
        sum(number != PADDING for number in targets)
        for batch in data.from_text(text, "text", small()).batches
        for _, targets in sequences(batch, 2)
    ]
    assert lengths == [3, 3, 3, 2, 2, 2, 1, 1]


def test_every_word_beyond_the_most_frequent_is_unknown() -> None:
    found = data.from_text("a a a b b c. d e f", "text", small(vocab=5))
    assert found.vocabulary == 2
    numbers = {number for batch in found.batches for number in array("q", batch.targets)}
    assert numbers == {UNKNOWN, END, A, B}


def test_upper_and_lower_case_are_one_word_and_punctuation_counts() -> None:
    found = data.from_text("The the, THE!", "text", small())
    assert (found.tokens, found.vocabulary) == (5, 3)


def test_sentences_that_are_used_again_are_reported() -> None:
    assert data.from_text("a b c.", "text", small()).repeated
    assert not data.from_text("a b c.\n" * BATCHES * 2, "text", small()).repeated
    assert data.from_text("a b c.\n" * (BATCHES * 2 - 1), "text", small()).repeated


def test_the_source_is_named_and_hashed() -> None:
    text = "Ünïcode words. "
    found = data.from_text(text, "text", small())
    assert found.kind == "text"
    assert found.sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_a_text_file_is_read_as_utf8(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("ein Wörtchen, zwei Wörtchen.", encoding="utf-8")
    found = data.load(small(text=str(path)))
    assert (found.kind, found.tokens, found.vocabulary) == ("text", 6, 4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"caf\xe9 au lait",
            "expected UTF-8, byte 3 (0xE9) is not: looks like Latin-1 or Windows-1252; "
            "convert it first: iconv -f WINDOWS-1252 -t UTF-8 {path} > {path}.utf8",
        ),
        (b"", "expected words, found none"),
        (b" \n\n\t \n", "expected words, found none"),
    ],
)
def test_a_file_that_is_no_text_is_a_usage_error(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        data.load(small(text=str(path)))
    assert str(caught.value) == f"--text {path}: {message.format(path=path)}"


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"missing.txt: cannot be read \(No such file or directory\)"):
        data.load(small(text=str(tmp_path / "missing.txt")))
    with pytest.raises(UsageError, match=r"cannot be read \(Is a directory\)"):
        data.load(small(text=str(tmp_path)))


def test_the_default_text_is_the_reference_of_this_python() -> None:
    from pydoc_data.topics import topics

    found = data.load(run_config())
    assert found.kind == "pydoc_data.topics"
    text = "\n\n".join(topics[name] for name in sorted(topics))
    assert found.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert found.tokens > 50_000
    assert found.vocabulary == 200 - 3
    assert not found.repeated


@pytest.mark.parametrize("source", ["text", "synthetic", "default"])
def test_batches_have_the_size_that_was_asked_for(tmp_path: Path, source: str) -> None:
    path = tmp_path / "words.txt"
    path.write_text("one two three four five six. seven!\n" * 3)
    options = {"text": {"text": str(path)}, "synthetic": {"synthetic": True}, "default": {}}[source]
    config = run_config(batch=6, sequence_length=5, microbatches=1, vocab=50, **options)
    found = data.load(config)
    assert len(found.batches) == BATCHES
    for batch in found.batches:
        inputs, targets = array("q", batch.inputs), array("q", batch.targets)
        assert len(inputs) == len(targets) == 6 * 5
        assert batch.words == sum(target != PADDING for target in targets) > 0
        assert max(*inputs, *targets) < 50
        assert min(*inputs, *targets) >= 0


@PROPERTY
@given(text=st.text(alphabet="ab .\n!", min_size=1, max_size=60), length=st.integers(1, 5))
def test_each_target_is_the_next_input_and_every_sequence_starts_with_a_word(text: str, length: int) -> None:
    config = small(sequence_length=length)
    if not text.split():
        with pytest.raises(UsageError, match="expected words, found none"):
            data.from_text(text, "text", config)
        return
    for batch in data.from_text(text, "text", config).batches:
        for inputs, targets in sequences(batch, 2):
            assert len(inputs) == len(targets) == length
            assert inputs[0] != PADDING
            assert targets[0] != PADDING
            assert inputs[1:] == targets[:-1]


def test_synthetic_words_follow_zipf_and_have_no_padding() -> None:
    config = run_config(synthetic=True, batch=32, sequence_length=64, microbatches=1, vocab=20)
    found = data.load(config)
    assert found == data.synthetic(config)
    assert (found.kind, found.vocabulary, found.tokens) == ("synthetic", 17, BATCHES * 32 * 65)
    assert [batch.words for batch in found.batches] == [32 * 64] * BATCHES
    counts = [0] * 20
    for batch in found.batches:
        for target in array("q", batch.targets):
            counts[target] += 1
    assert counts[:3] == [0, 0, 0]
    harmonic = sum(1 / rank for rank in range(1, 18))
    for rank in (1, 2, 4):
        expected = sum(counts) / rank / harmonic
        assert counts[rank + 2] == pytest.approx(expected, rel=0.1)


def test_synthetic_words_depend_on_the_seed_alone() -> None:
    state = random.getstate()
    one, again, other = (data.synthetic(small(synthetic=True, seed=seed)) for seed in (1, 1, 2))
    assert one == again
    assert one.sha256 != other.sha256
    assert one.batches != other.batches
    assert random.getstate() == state


def test_the_batches_of_a_text_are_the_same_each_time() -> None:
    loads: list[Data] = [data.load(run_config()) for _ in range(2)]
    assert loads[0] == loads[1]
