from collections.abc import Iterator

import pytest

from pipebench.models.text import vocabulary
from pipebench.models.text.vocabulary import Counted
from pipebench.models.text.words import Sentence


def counted(*texts: str, **changes: int) -> Counted:
    """Sentences of words between spaces; one that ends in ``-`` goes on in the next."""
    found = (Sentence(text.rstrip("-").split(), ends=not text.endswith("-")) for text in texts)
    return Counted(found, "words", **({"length": 3, "needed": 100, "vocabulary": 10} | changes))


def pieces(found: Counted) -> list[list[str]]:
    """What is kept, in words again; a full stop is the end of a sentence."""
    names = {number: word for word, number in found._forms.items()} | {-1: ".", 0: "?"}
    return [[names[number] for number in piece] for piece in found.pieces()]


def test_a_sentence_is_cut_and_the_longest_pieces_come_first() -> None:
    found = counted("a", "a b c d", "e")
    assert pieces(found) == [["a", "b", "c"], ["a", "."], ["d", "."], ["e", "."]]
    assert (found.tokens, found.usable) == (6, 4)


def test_it_does_not_matter_in_how_many_pieces_a_sentence_comes() -> None:
    whole = counted("a b c d e f g h")
    for cut in ("a-", "a b-", "a b c-", "a b c d-"):
        rest = "a b c d e f g h".removeprefix(cut.rstrip("-"))
        assert pieces(counted(cut, rest)) == pieces(whole)


def test_no_more_pieces_are_kept_than_are_needed() -> None:
    found = counted(*["a b c"] * 50, needed=4)
    assert (len(pieces(found)), found.usable) == (4, 50)
    assert sum(map(len, found._by_length.values())) == 4


def test_words_are_numbered_by_frequency_and_then_by_their_order() -> None:
    found = counted("c b b", "a a d", "A")
    assert [list(found._forms)[number - 1] for number in found.by_frequency()] == ["a", "b", "c", "d"]
    assert list(found.ids(found.by_frequency()[:2], first=3, unknown=1, end=2)) == [
        [1, 4, 4],
        [3, 3, 1],
        [3, 2],
    ]


def test_a_literal_unknown_word_is_one() -> None:
    found = counted("a <unk> <UNK>")
    assert pieces(found) == [["a", "?", "?"]]
    assert len(found.by_frequency()) == 1


@pytest.mark.parametrize(("share", "size"), [(0.0, 5), (0.125, 4), (0.25, 3), (0.5, 2)])
def test_how_many_words_leave_a_share_unknown(share: float, size: int) -> None:
    found = counted("x a a", "x b c", "x a d", "x a", length=3)
    # by frequency x a b c d; the targets: a a, b c, a d, a and an end
    assert found.size_for(share, found.by_frequency()) == size


def test_no_vocabulary_helps_a_text_whose_words_were_replaced() -> None:
    found = counted("a <unk> <unk>", "b <unk> c")
    assert found.size_for(0.25, found.by_frequency()) is None


def test_forms_beyond_the_bound_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "_MOST_FORMS", 5)

    def endless() -> Iterator[Sentence]:
        for number in range(1000):
            yield Sentence([str(number), "0"], ends=True)

    found = Counted(endless(), "words", length=3, needed=2, vocabulary=1)
    assert len(found._forms) == 5
    assert found.tokens == 2000


def test_what_would_be_unknown_if_letters_were_words() -> None:
    assert counted("ab ba aab", "Ab c").letters_beyond(1) == pytest.approx(5 / 10)
    assert counted("天 地 玄 黄").letters_beyond(1) == 0.75  # as it is with words
    assert counted("ab ba").letters_beyond(2) == 0.0
