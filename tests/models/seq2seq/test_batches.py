from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pipebench.models.seq2seq.batches import decoder_cut, encoder_cut, microbatches_of
from pipebench.models.text.data import END, PADDING
from tests.builders import PROPERTY
from tests.models.seq2seq.building import PAIRS, batch_of

A, B, C, D = 3, 4, 5, 6
X, Y = 7, 8
_ = PADDING
lengths = st.lists(st.integers(1, 9), min_size=1, max_size=5)


def words(*each: list[int]) -> list[Tensor]:
    return [torch.tensor(sentence) for sentence in each]


def numbered(sentences: list[int]) -> list[Tensor]:
    """Sentences of these lengths, each word another one."""
    return [torch.arange(100 * n + 10, 100 * n + 10 + length) for n, length in enumerate(sentences)]


def test_sources_are_read_backwards_and_end_together() -> None:
    cut = encoder_cut(words([A, B, C, D], [X, Y], [C]), 1, None)
    assert [part.tolist() for part in cut.inputs] == [[[D, _, _], [C, _, _], [B, Y, _], [A, X, C]]]
    assert [part.tolist() for part in cut.targets] == [[1, 1, 2, 3]]


def test_the_decoder_starts_with_the_end_of_the_source_and_goes_on_with_the_word_before() -> None:
    cut = decoder_cut(words([A, B, END], [END], [X, Y, C, END]), 1, None)
    assert [part.tolist() for part in cut.inputs] == [[[END, END, END], [A, _, X], [B, _, Y], [_, _, C]]]
    assert [part.tolist() for part in cut.targets] == [[A, END, X, B, _, Y, END, _, C, _, _, END]]


def test_chunks_are_cut_one_after_the_other_on_both_sides() -> None:
    source = encoder_cut(words([A, B, C, D, X], [Y]), 2, None)
    assert [part.tolist() for part in source.inputs] == [[[X, _], [D, _], [C, _]], [[B, _], [A, Y]]]
    assert [part.tolist() for part in source.targets] == [[1, 1, 1], [1, 2]]
    target = decoder_cut(words([A, B, END], [X, END]), 2, None)
    assert [part.tolist() for part in target.inputs] == [[[END, END], [A, X]], [[B, _]]]
    assert [part.tolist() for part in target.targets] == [[A, X, B, END], [END, _]]
    assert (source.steps, target.steps) == ((3, 2), (2, 1))


@pytest.mark.parametrize("chunks", [1, 2, 3, 7])
def test_a_short_microbatch_has_at_least_one_step_a_chunk(chunks: int) -> None:
    source, target = (
        encoder_cut(words([A], [B]), chunks, None),
        decoder_cut(words([END], [END]), chunks, None),
    )
    assert source.steps == target.steps == (1,) * chunks
    assert [part.tolist() for part in source.inputs] == [*[[[_, _]]] * (chunks - 1), [[A, B]]]
    assert [int(begun) for begun in source.targets] == [*[0] * (chunks - 1), 2]
    assert [part.tolist() for part in target.targets] == [[END, END], *[[_, _]] * (chunks - 1)]


@PROPERTY
@given(sentences=lengths.map(lambda found: sorted(found, reverse=True)), chunks=st.integers(1, 9))
def test_chunks_differ_by_one_step_and_lose_nothing(sentences: list[int], chunks: int) -> None:
    texts = numbered(sentences)
    source, target = encoder_cut(texts, chunks, None), decoder_cut(texts, chunks, None)
    length = max(chunks, *sentences)
    for cut in (source, target):
        assert len(cut.inputs) == len(cut.targets) == len(cut.steps) == chunks
        assert sum(cut.steps) == length
        assert max(cut.steps) - min(cut.steps) <= 1
        assert max(cut.steps) == -(-length // chunks)
        assert all(part.is_contiguous() and part.dtype == torch.int64 for part in cut.inputs)
    read, written = torch.cat(source.inputs), torch.cat(target.inputs)
    begun, nexts = torch.cat(source.targets), torch.cat(target.targets).view(length, -1)
    for number, text in enumerate(texts):
        assert read[:, number].flip(0)[: len(text)].tolist() == text.tolist()
        assert written[: len(text), number].tolist() == [END, *text[:-1].tolist()]
        assert nexts[: len(text), number].tolist() == text.tolist()
    for every in (read, nexts):
        assert (every != PADDING).sum() == sum(sentences)
    assert begun.tolist() == [sum(size >= length - step for size in sentences) for step in range(length)]
    assert begun[-1] == len(texts)
    assert all(before <= after for before, after in pairwise(begun.tolist()))
    for step, count in enumerate(begun.tolist()):
        assert (read[step, :count] != PADDING).all()
        assert (read[step, count:] == PADDING).all()


@pytest.mark.parametrize("count", [1, 2, 4])
def test_microbatches_are_consecutive_pairs_each_as_long_as_its_own_longest(count: int) -> None:
    batch = batch_of(*PAIRS[:4])
    found = microbatches_of(batch, count)
    assert len(found) == count
    pairs = [
        (source.tolist(), target.tolist())
        for sources, targets in found
        for source, target in zip(sources, targets, strict=True)
    ]
    assert pairs == [([*source], [*target, END]) for source, target in PAIRS[:4]]
    longest = {1: [7], 2: [7, 3], 4: [7, 6, 3, 3]}
    assert [sum(encoder_cut(sources, 1, None).steps) for sources, _ in found] == longest[count]
