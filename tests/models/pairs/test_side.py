import pytest

from pipebench.models.pairs.side import Side, side_of
from pipebench.models.text.data import END
from pipebench.models.text.vocabulary import SENTENCE_END, Words


def counted(text: str) -> tuple[Words, list[int]]:
    words = Words("words", 10)
    numbers = words.numbers(text.split())
    words.counts.update(numbers)
    return words, numbers


def test_the_most_frequent_words_have_ids_the_first_ones_among_equals() -> None:
    words, numbers = counted("c b b a a d <unk> B")
    side, ids = side_of(words, 5, [numbers])
    assert side.vocabulary == 2
    found = [ids.get(number) for number in numbers]
    assert found == [None, 3, 3, 4, 4, None, None, 3]
    assert ids[SENTENCE_END] == END


@pytest.mark.parametrize(("ids", "kept", "letters_unknown"), [(4, 1, 0.5), (5, 2, 0.0), (100, 4, 0.0)])
def test_what_would_help_where_words_are_unknown(ids: int, kept: int, letters_unknown: float) -> None:
    words, numbers = counted("a a a a b b c d")  # a and b are three quarters
    side, _ = side_of(words, ids, [numbers])
    assert side == Side(vocabulary=kept, enough_vocab=5, letters_unknown=letters_unknown)


def test_ends_of_sentences_are_known_and_unknown_words_may_never_be() -> None:
    words, numbers = counted("a <unk> <unk>")
    assert side_of(words, 9, [numbers])[0].enough_vocab is None
    words, numbers = counted("a b c")
    assert side_of(words, 9, [[*numbers, SENTENCE_END]])[0].enough_vocab == 3 + 2
    assert side_of(words, 9, [numbers])[0].enough_vocab == 3 + 3
