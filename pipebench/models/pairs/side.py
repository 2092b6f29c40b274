"""The words of one side of the pairs: which have an id, and what would help if too few do. Pure."""

from collections.abc import Iterable, Sequence

import msgspec

from pipebench.models.text.asked import RESERVED_WORDS
from pipebench.models.text.data import END
from pipebench.models.text.unknown import FEW, rounded
from pipebench.models.text.vocabulary import SENTENCE_END, Words, size_for


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """How many words of one side kept an id of their own.

    ``enough_vocab`` is the number of ids that leaves a quarter of the words in the batches unknown; ``None`` if none
    does. ``letters_unknown`` is the share that would be unknown if letters were words; 0 if few words are unknown.
    """

    vocabulary: int
    enough_vocab: int | None = None
    letters_unknown: float = 0.0


def side_of(words: Words, ids: int, sentences: Iterable[Sequence[int]]) -> tuple[Side, dict[int, int]]:
    """One side's vocabulary, and the ids of its words by their numbers; a word that is missing there is unknown.

    Args:
        words: all words that came.
        ids: how many there are, the reserved ones included; the most frequent words get one.
        sentences: those in the batches, as numbers of words.
    """
    order = words.by_frequency()
    kept = order[: ids - RESERVED_WORDS]
    enough = size_for(FEW, order, (number for sentence in sentences for number in sentence))
    few = enough is not None and enough <= len(kept)
    side = Side(
        vocabulary=len(kept),
        enough_vocab=None if enough is None else rounded(enough + RESERVED_WORDS),
        letters_unknown=0.0 if few else words.letters_beyond(len(kept)),
    )
    return side, {number: place for place, number in enumerate(kept, RESERVED_WORDS)} | {SENTENCE_END: END}
