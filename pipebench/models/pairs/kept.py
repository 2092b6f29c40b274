"""Turns sentence pairs into numbers while they are read, and keeps no more of them than the batches need. Pure.

A pair fits if both its sides do, the target with its end; a translation cannot be cut. With buckets, the pairs with the
most words on both sides are kept, since no other choice has less padding. Without buckets, a seeded draw decides which
pairs are kept.
"""

import random
from array import array
from collections.abc import Iterable
from math import inf
from typing import NamedTuple

from pipebench.models.outline import BATCHES
from pipebench.models.pairs.asked import PairsAsked
from pipebench.models.pairs.origin import SentencePair
from pipebench.models.text.vocabulary import SENTENCE_END, Words


class Numbered(NamedTuple):
    """A pair with its words by their numbers; the target has its end."""

    source: "array[int]"
    target: "array[int]"


class Kept:
    """The pairs that fit, and how often each word of each side came.

    ``usable`` pairs fit, and those in ``best`` are kept. ``too_long`` pairs do not fit, and ``wordless`` ones have a
    side without words. The shortest pair fits in ``shortest`` time steps; ``None`` if there is no pair.
    """

    def __init__(self, pairs: Iterable[SentencePair], asked: PairsAsked) -> None:
        self.sources = Words(asked.tokens, asked.source_vocab)
        self.targets = Words(asked.tokens, asked.vocab)
        self.usable = self.too_long = self.wordless = 0
        self.shortest: int | None = None
        self._steps, self._needed = asked.sequence_length, BATCHES * asked.batch
        # A place in line, how many came before, and the pair. With buckets the longest are first, else any.
        self._found: list[tuple[float, int, Numbered]] = []
        self._last = inf  # pairs with this place or a later one are not needed
        self._draw = None if asked.bucket else random.Random(asked.seed)  # noqa: S311 - reproducible, not secret
        for pair in pairs:
            self._take(self.sources.numbers(pair.source), self.targets.numbers(pair.target))

    @property
    def best(self) -> list[Numbered]:
        """As many pairs as the batches take, fewer if there are no more."""
        return [pair for _, _, pair in sorted(self._found)[: self._needed]]

    def _take(self, source: list[int], target: list[int]) -> None:
        if not (source and target):
            self.wordless += 1
            return
        self.sources.counts.update(source)
        self.targets.counts.update(target)
        target.append(SENTENCE_END)
        steps = max(len(source), len(target))
        self.shortest = min(steps, self.shortest or steps)
        if steps > self._steps:
            self.too_long += 1
            return
        place = -float(len(source) + len(target)) if self._draw is None else self._draw.random()
        self.usable += 1
        if place < self._last:
            self._found.append((place, self.usable, Numbered(array("i", source), array("i", target))))
        if len(self._found) > 4 * self._needed:
            self._found = sorted(self._found)[: self._needed]
            self._last = self._found[-1][0]
