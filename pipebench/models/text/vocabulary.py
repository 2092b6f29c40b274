"""Turns words into numbers while a text is read. Memory is bounded, however long the text is. Imports no torch.

Words are numbered in the order in which they first come. Their ids in a batch are decided when all words are counted.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from math import ceil

from pipebench.models.text.asked import TokenRule
from pipebench.models.text.words import Sentence, is_unknown, letters, plain

_MOST_FORMS = 1 << 18  # of words that are told apart, or 4 times the vocabulary: some 80 MB
SENTENCE_END = -1
_NOTHING, _UNKNOWN = -2, 0  # the first word is 1


class Vocabulary(dict[str, int]):
    """The number of each form of a word that came; forms of the same word have the same number.

    Forms beyond the bound count as unknown words: a word that first comes so late is rare.
    """

    def __init__(self, rule: TokenRule, most: int) -> None:
        super().__init__()
        self.rule, self.most, self.words = rule, most, 0

    def __missing__(self, form: str) -> int:
        word = plain(form, self.rule)
        if not word:
            return _NOTHING
        if is_unknown(word) or len(self) >= self.most:
            return _UNKNOWN
        number = self.get(word)
        if number is None:
            self.words += 1
            number = self[word] = self.words
        self[form] = number
        return number


class Words:
    """Counts how often each word of a text came; words are given by their numbers.

    Args:
        rule: what a word is.
        vocabulary: words that will have an id of their own.
    """

    def __init__(self, rule: TokenRule, vocabulary: int) -> None:
        self.counts: Counter[int] = Counter()
        self._forms = Vocabulary(rule, max(_MOST_FORMS, 4 * vocabulary))

    def numbers(self, words: Iterable[str]) -> list[int]:
        """The numbers of the words; those in which nothing can be seen are left out."""
        return [number for word in words if (number := self._forms[word]) != _NOTHING]

    @property
    def tokens(self) -> int:
        """All words that were counted."""
        return self.counts.total()

    def by_frequency(self) -> list[int]:
        """The words' numbers, the most frequent first, the earlier ones first among equals."""
        known = self.counts.keys() - {_UNKNOWN}
        return sorted(known, key=lambda number: (-self.counts[number], number))

    def letters_beyond(self, kept: int) -> float:
        """The share of letters beyond the ``kept`` most frequent ones, which would be unknown if letters were words."""
        found: Counter[str] = Counter()
        for number, form in {number: form for form, number in self._forms.items()}.items():
            for letter in letters(form.lower()):
                found[letter] += self.counts[number]
        known = sum(count for _, count in found.most_common(kept))
        return 1 - known / max(found.total(), 1)


def size_for(share: float, order: Sequence[int], words: Iterable[int]) -> int | None:
    """How many words of ``order`` leave at most this share of ``words`` unknown; ``None`` if no number does.

    The end of a sentence counts as known.
    """
    places = {number: place for place, number in enumerate(order, 1)} | {SENTENCE_END: 0}
    found = sorted(places.get(number, len(order) + 1) for number in words)
    size = found[ceil((1 - share) * len(found)) - 1]
    return size if size <= len(order) else None


class Counted(Words):
    """A text that was read: how often each word came, and as many pieces of its sentences as are needed.

    Args:
        sentences: the text.
        rule: what a word is.
        length: words of a piece at most; a longer sentence is cut.
        needed: pieces at most; the longest ones of the text are kept, its first ones among equals.
        vocabulary: words that will have an id of their own.
    """

    def __init__(
        self, sentences: Iterable[Sentence], rule: TokenRule, *, length: int, needed: int, vocabulary: int
    ) -> None:
        super().__init__(rule, vocabulary)
        self.length, self.needed, self.usable = length, needed, 0
        self._by_length: dict[int, list[array[int]]] = {}
        unfinished: list[int] = []
        for words, ends in sentences:
            numbers = self.numbers(words)
            self.counts.update(numbers)
            unfinished = self._cut([*unfinished, *numbers], ends=ends)
        self._keep(unfinished)

    def pieces(self) -> "Iterator[array[int]]":
        """The pieces, as numbers of words, the longest first; no more than are needed."""
        sizes = sorted(self._by_length, reverse=True)
        return islice(chain.from_iterable(self._by_length[size] for size in sizes), self.needed)

    def ids(self, order: Sequence[int], *, first: int, unknown: int, end: int) -> Iterator[list[int]]:
        """The pieces with the words in ``order`` as ``first`` and so on, all others as ``unknown``."""
        final = {number: place for place, number in enumerate(order, first)} | {SENTENCE_END: end}
        return ([final.get(number, unknown) for number in piece] for piece in self.pieces())

    def size_for(self, share: float, order: Sequence[int]) -> int | None:
        """How many words of ``order`` leave at most this share of the pieces unknown; ``None`` if no number does."""
        return size_for(share, order, (number for piece in self.pieces() for number in piece[1:]))

    def _cut(self, numbers: list[int], *, ends: bool) -> list[int]:
        """Keep whole pieces of a sentence, and its last piece too if it ends; return what is left of it."""
        if ends and numbers:
            numbers.append(SENTENCE_END)
        whole = len(numbers) - len(numbers) % self.length
        for start in range(0, whole, self.length):
            self._keep(numbers[start : start + self.length])
        if not ends:
            return numbers[whole:]
        self._keep(numbers[whole:])
        return []

    def _keep(self, piece: list[int]) -> None:
        """Keep a piece, if it has the two words that it takes to predict one."""
        if len(piece) < 2:
            return
        self.usable += 1
        alike = self._by_length.setdefault(len(piece), [])
        if len(alike) < self.needed:
            alike.append(array("i", piece))
