from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.models.outline import BATCHES
from pipebench.models.pairs.kept import Kept
from pipebench.models.pairs.origin import SentencePair
from tests.builders import PROPERTY
from tests.models.pairs.building import Asked

A_FEW = Asked(batch=1, sequence_length=5)  # 4 pairs


def pairs(*texts: str) -> Iterator[SentencePair]:
    """``"a b > c"`` as a pair."""
    for text in texts:
        source, _, target = text.partition(">")
        yield SentencePair(source.split(), target.split())


def of_lengths(*lengths: tuple[int, int]) -> Iterable[SentencePair]:
    """Pairs with so many words; the first word of each source is a name of its own."""
    return (
        SentencePair([f"n{number}", *["w"] * (source - 1)], ["x"] * target)
        for number, (source, target) in enumerate(lengths)
    )


def names(kept: Kept) -> list[int]:
    """Which of ``of_lengths`` are kept, in order."""
    forms = {number: form for form, number in kept.sources._forms.items()}
    return [int(forms[pair.source[0]][1:]) for pair in kept.best]


def test_a_pair_fits_if_both_sides_do_the_target_with_its_end() -> None:
    kept = Kept(of_lengths((5, 4), (6, 1), (1, 5), (1, 1), (7, 9)), A_FEW)
    assert (kept.usable, kept.too_long, kept.wordless, kept.shortest) == (2, 3, 0, 2)
    assert names(kept) == [0, 3]
    assert [(len(pair.source), len(pair.target)) for pair in kept.best] == [(5, 5), (1, 2)]


def test_a_side_without_words_is_no_side() -> None:
    kept = Kept(pairs("a > b", "a >", "> b", ">", "\u00ad > b", "a > c"), A_FEW)
    assert (kept.usable, kept.wordless) == (2, 4)
    assert (kept.sources.tokens, kept.targets.tokens) == (2, 2)


def test_where_nothing_came_nothing_is_the_shortest() -> None:
    assert Kept(pairs(), A_FEW).shortest is None
    assert Kept(pairs("a >"), A_FEW).shortest is None
    kept = Kept(of_lengths((9, 1), (2, 7), (30, 30)), A_FEW)
    assert (kept.usable, kept.shortest, kept.best) == (0, 8, [])


def test_words_of_long_pairs_are_counted_too() -> None:
    kept = Kept(pairs("a b c d e f > g", "a > h"), A_FEW)
    assert (kept.sources.tokens, kept.targets.tokens) == (7, 2)


def test_the_longest_pairs_of_both_sides_are_kept_the_first_ones_among_equals() -> None:
    lengths = [(1, 1), (5, 1), (3, 3), (5, 4), (2, 4), (1, 4), (4, 4)]
    assert names(Kept(of_lengths(*lengths), A_FEW)) == [3, 6, 1, 2]


@PROPERTY
@given(
    lengths=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), max_size=80),
    bucket=st.booleans(),
)
def test_what_is_kept_does_not_hang_on_how_much_is_held(lengths: list[tuple[int, int]], bucket: bool) -> None:
    asked = Asked(batch=1, sequence_length=5, bucket=bucket)
    fits = [number for number, (source, target) in enumerate(lengths) if source <= 5 and target <= 4]
    kept = Kept(of_lengths(*lengths), asked)
    assert kept.usable == len(fits)
    if bucket:
        assert names(kept) == sorted(fits, key=lambda number: -sum(lengths[number]))[:BATCHES]
    else:
        all_kept = Kept(of_lengths(*lengths), Asked(batch=100, sequence_length=5, bucket=bucket))
        assert sorted(names(all_kept)) == fits
        assert names(kept) == names(all_kept)[:BATCHES]


@pytest.mark.parametrize("seed", [0, 1])
def test_without_buckets_it_is_a_draw_by_the_seed(seed: int) -> None:
    asked = Asked(batch=5, sequence_length=5, bucket=False, seed=seed)
    found = names(Kept(of_lengths(*[(2, 2)] * 500), asked))
    assert len(set(found)) == 20
    assert found == names(Kept(of_lengths(*[(2, 2)] * 500), asked))
    assert found != sorted(found)
    assert 100 < sum(found) / 20 < 400
    other = Asked(batch=5, sequence_length=5, bucket=False, seed=seed + 1)
    assert found != names(Kept(of_lengths(*[(2, 2)] * 500), other))
