"""Pairs that need no file: each sentence of Python's language reference, with the one after it. Pure.

A model learns to continue a text. The reference comes with the interpreter, so the pairs are the same wherever the
release of Python is the same, and differ between releases.
"""

import hashlib
import platform
from collections.abc import Iterator
from itertools import pairwise

from pipebench.models.pairs.origin import SentencePair, Told
from pipebench.models.text.asked import TokenRule
from pipebench.models.text.data import REFERENCE, reference_topics
from pipebench.models.text.words import sentences


class Successors:
    """Sentences k and k + 1 of a topic, topics in the order of their names; a pair that comes again is left out."""

    kind = REFERENCE
    more = "--source FILE --target FILE"
    none_found = f"{REFERENCE} holds no words: use {more}"

    def __init__(self, rule: TokenRule) -> None:
        self._rule = rule
        self._sha256 = ""

    def pairs(self) -> Iterator[SentencePair]:
        """All pairs, in the order of the text.

        Raises:
            EnvironmentRefusedError: This Python does not carry the reference.
        """
        topics = reference_topics(self.more)
        self._sha256 = hashlib.sha256("\n\n".join(topics).encode()).hexdigest()
        seen: set[tuple[str, ...]] = set()
        for topic in topics:
            found = (sentence.words for sentence in sentences([topic], self._rule))
            for source, target in pairwise(words for words in found if words):
                both = (*source, "\n", *target)
                if both not in seen:
                    seen.add(both)
                    yield SentencePair(source, target)

    def told(self) -> Told:
        """See ``Origin``; the hash is of the reference."""
        return Told(
            f"{REFERENCE} of Python {platform.python_version()}, each sentence with the next", self._sha256
        )
