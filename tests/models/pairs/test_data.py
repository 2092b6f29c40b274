"""Pairs of sentences are read or drawn, and put into batches."""

import random
from array import array
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from pipebench.models.outline import BATCHES
from pipebench.models.pairs import data
from pipebench.models.pairs.data import PairBatch, PairData, Sentences
from pipebench.models.text import data as text
from pipebench.models.text.data import END, UNKNOWN, Data
from tests.builders import run_config
from tests.models.pairs.building import Asked, files

A, B, C, D = 3, 4, 5, 6  # ids of words kept, most frequent first
PAPER = Asked(batch=128, sequence_length=24, vocab=5000, source_vocab=5000)


def of(side: Sentences) -> list[list[int]]:
    """The sentences of one side, ids."""
    words = iter(array("q", side.words))
    found = [[next(words) for _ in range(length)] for length in side.lengths]
    assert not list(words)
    return found


def pairs_of(batch: PairBatch) -> list[tuple[list[int], list[int]]]:
    return list(zip(of(batch.source), of(batch.target), strict=True))


def padding(found: PairData, slices: int = 1) -> float:
    """The share of padding where each slice of a batch is as long as its longest sentence, both sides."""
    words = room = 0
    for batch in found.batches:
        for side in (batch.source, batch.target):
            size = len(side.lengths) // slices
            for start in range(0, len(side.lengths), size):
                lengths = side.lengths[start : start + size]
                words += sum(lengths)
                room += size * max(lengths)
    return 1 - words / room


def test_a_source_is_in_reading_order_and_a_target_has_its_end(tmp_path: Path) -> None:
    short = ["a > x"] * 5
    found = data.load(files(tmp_path, *short, "b a > x y", "a b c > x y", "a > x y y"))
    first, second, *others = found.batches
    assert pairs_of(first) == [([A, B, C], [A, B, END]), ([A], [A, B, B, END])]
    assert first.source == Sentences(array("q", [A, B, C, A]).tobytes(), (3, 1))
    assert first.target == Sentences(array("q", [A, B, END, A, B, B, END]).tobytes(), (3, 4))
    assert (first.words, first.source.number, first.target.number) == (11, 4, 7)
    assert pairs_of(second) == [([B, A], [A, B, END]), ([A], [A, END])]
    assert [pairs_of(batch) for batch in others] == [[([A], [A, END])] * 2] * (BATCHES - 2)


def test_each_side_has_a_vocabulary_of_its_own(tmp_path: Path) -> None:
    asked = files(tmp_path, "a a b > x y z", "c > x", vocab=5, source_vocab=4, batch=1)
    found = data.load(asked)
    assert pairs_of(found.batches[0]) == [([A, A, UNKNOWN], [A, B, UNKNOWN, END])]
    assert (found.source_side.vocabulary, found.vocabulary) == (1, 2)
    assert found.tokens == 8
    words = [
        word for batch in found.batches for side in (batch.source, batch.target) for word in side_words(side)
    ]
    assert found.unknown_share == words.count(UNKNOWN) / len(words)
    assert {word for word in words if word >= A} == {A, B}


def side_words(side: Sentences) -> list[int]:
    assert side.unknown == array("q", side.words).count(UNKNOWN)
    return [word for sentence in of(side) for word in sentence]


def test_what_does_not_fit_or_has_no_words_is_left_out_and_counted(tmp_path: Path) -> None:
    found = data.load(
        files(tmp_path, "a b c d > x y z", "a b c d e > x", "a > x y z w", " > x", "a >", " > ")
    )
    assert (found.pairs, found.too_long, found.wordless, found.left_out) == (1, 2, 3, 5)
    assert found.tokens == 7 + 6 + 5
    assert {tuple(map(len, pair)) for batch in found.batches for pair in pairs_of(batch)} == {(4, 4)}


@pytest.mark.parametrize("bucket", [True, False])
def test_pairs_are_used_again_where_they_are_too_few(tmp_path: Path, bucket: bool) -> None:
    lines = [f"a{' b' * (number % 3)} > x{' y' * (number % 2)}" for number in range(2 * BATCHES)]
    whole = data.load(files(tmp_path, *lines, bucket=bucket))
    assert not whole.repeated
    short = data.load(files(tmp_path, *lines[:-1], bucket=bucket))
    assert short.repeated
    assert (whole.pairs, short.pairs) == (8, 7)
    used = Counter(str(pair) for batch in short.batches for pair in pairs_of(batch))
    assert sum(used.values()) == 2 * BATCHES
    one = data.load(files(tmp_path, "a b > x", bucket=bucket))
    assert [pairs_of(batch) for batch in one.batches] == [[([A, B], [A, END])] * 2] * BATCHES


def test_in_buckets_the_batches_are_by_targets_and_within_by_sources(tmp_path: Path) -> None:
    rng = random.Random(1)
    lines = [f"{'a ' * rng.randint(1, 26)} > {'x ' * rng.randint(1, 26)}" for _ in range(400)]
    found = data.load(files(tmp_path, *lines, batch=16, sequence_length=24))
    lengths = [[(len(source), len(target)) for source, target in pairs_of(batch)] for batch in found.batches]
    for batch in lengths:
        assert batch == sorted(batch, reverse=True)
    for batch, after in pairwise(lengths):
        assert min(target for _, target in batch) >= max(target for _, target in after)
    kept = sorted((sum(pair) for batch in lengths for pair in batch), reverse=True)
    fitting = [(line.count("a"), line.count("x") + 1) for line in lines]
    fitting = [pair for pair in fitting if max(pair) <= 24]
    assert found.pairs == len(fitting)
    assert kept == sorted(map(sum, fitting), reverse=True)[: len(kept)]


def test_without_buckets_pairs_of_any_length_share_a_batch(tmp_path: Path) -> None:
    lines = [f"{'a ' * length} > {'x ' * length}" for length in range(1, 21)] * 50
    changes = {"batch": 64, "sequence_length": 24}
    found = data.load(files(tmp_path, *lines, **changes, bucket=False))
    for batch in found.batches:
        lengths = batch.source.lengths
        assert list(lengths) == sorted(lengths, reverse=True)
        assert max(lengths) - min(lengths) > 10
    assert found == data.load(files(tmp_path, *lines, **changes, bucket=False))
    other = data.load(files(tmp_path, *lines, **changes, bucket=False, seed=1))
    assert (found.batches != other.batches, found.sha256 == other.sha256) == (True, True)
    bucketed = data.load(files(tmp_path, *lines, **changes))
    assert bucketed == data.load(files(tmp_path, *lines, **changes, seed=1))
    assert padding(bucketed, 4) < 0.05
    assert padding(found, 1) > 0.2


def test_the_default_has_little_padding_in_buckets() -> None:
    found = data.load(PAPER)
    assert found == data.load(PAPER)
    assert (found.kind, found.repeated, found.wordless) == ("pydoc_data.topics", False, 0)
    assert found.pairs > 1000 < found.too_long
    assert found.unknown_share < 0.05
    for batch in found.batches:
        assert len(batch.source.lengths) == len(batch.target.lengths) == 128
        assert max(*batch.source.lengths, *batch.target.lengths) <= 24
        assert {sentence[-1] for sentence in of(batch.target)} == {END}
        assert all(END not in sentence[:-1] for sentence in of(batch.target))
        assert all(END not in sentence for sentence in of(batch.source))
    shuffled = data.load(replace(PAPER, bucket=False))
    assert padding(found) < 0.2
    assert padding(found, 4) < 0.1
    assert padding(shuffled) > 0.4
    assert padding(shuffled, 4) > 0.3


def test_drawn_pairs_are_full_and_follow_zipf() -> None:
    asked = Asked(batch=32, sequence_length=64, vocab=20, source_vocab=13, synthetic=True)
    state = random.getstate()
    found = data.load(asked)
    assert found == data.synthetic(asked)
    assert random.getstate() == state
    assert (found.kind, found.pairs, found.source_side.vocabulary, found.vocabulary) == (
        "synthetic",
        128,
        10,
        17,
    )
    assert [batch.words for batch in found.batches] == [2 * 32 * 64] * BATCHES
    assert found.tokens == BATCHES * 32 * 127
    for side, ids in (("source", 13), ("target", 20)):
        sentences = [each for batch in found.batches for each in of(getattr(batch, side))]
        assert {len(each) for each in sentences} == {64}
        words = Counter(word for each in sentences for word in (each if side == "source" else each[:-1]))
        assert set(words) == set(range(3, ids))
        harmonic = sum(1 / rank for rank in range(1, ids - 2))
        for rank in (1, 2, 4):
            assert words[rank + 2] == pytest.approx(words.total() / rank / harmonic, rel=0.1)
        if side == "target":
            assert {each[-1] for each in sentences} == {END}
    assert found.source(asked).doubts == ()
    assert found.batches != data.synthetic(replace(asked, seed=1)).batches
    assert found.sha256 != data.synthetic(replace(asked, seed=1)).sha256


def test_drawn_pairs_of_one_step_have_a_word_and_an_end() -> None:
    found = data.synthetic(Asked(sequence_length=1, source_vocab=4, synthetic=True))
    assert [pairs_of(batch) for batch in found.batches] == [[([A], [END])] * 2] * BATCHES


class Carrier(msgspec.Struct):
    data: Data | PairData | None


def test_another_process_reads_what_was_sent(tmp_path: Path) -> None:
    config = run_config(synthetic=True)
    found = [
        data.load(files(tmp_path, "a b > x", "c > y")),
        data.load(Asked(synthetic=True)),
        text.load(config),
        None,
    ]
    for each in found:
        for format_ in (msgspec.msgpack, msgspec.json):
            assert format_.decode(format_.encode(Carrier(each)), type=Carrier).data == each
