"""Batches of sentence pairs, for a model that reads one sentence and writes the other. Imports no torch.

Within a batch the longest sources come first, and among equals the longest targets. So the sentences of a slice have
similar lengths. With buckets, the sentences of a batch do too: pairs go into batches in the order of their targets, the
longest first, and are then sorted by their sources within a batch. So both sides of a slice have little padding.
Without buckets, pairs of any length share a batch.

The most frequent words of each side have an id of their own; every other word is UNK.
"""

import hashlib
import random
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle, islice

import msgspec

from pipebench.errors import UsageError
from pipebench.models.outline import BATCHES, Doubt, Source
from pipebench.models.pairs.asked import PairsAsked
from pipebench.models.pairs.kept import Kept
from pipebench.models.pairs.origins import origin_of
from pipebench.models.pairs.side import Side, side_of
from pipebench.models.text.asked import RESERVED_WORDS, TokenRule
from pipebench.models.text.data import END, UNKNOWN, by_zipf
from pipebench.models.text.unknown import Ids, unknown_words
from pipebench.warning_codes import WarningCode

_COUNT_RULES: dict[TokenRule, str] = {
    "words": "source and target words without padding; words by Unicode (UAX 29), in scripts without spaces letters; "
    "a punctuation mark and the end of a target sentence count as words",
    "characters": "source and target characters (grapheme clusters) without padding; white space is none, the end of "
    "a target sentence counts as one",
    "spaces": "source and target tokens without padding, as spaces separate them; the end of a target sentence counts "
    "as one",
}
_ONE_SIDED = 0.05  # of all pairs
_SYNTHETIC_COUNT_RULE = (
    "source and target words, the end of a target sentence too; they are drawn, and there is no padding"
)


class Sentences(msgspec.Struct, frozen=True):
    """One side of a batch: ``words`` are the ids of all, one sentence after the other, int64 as bytes.

    ``lengths`` says how many each sentence has, B of them.
    """

    words: bytes
    lengths: tuple[int, ...]

    @property
    def number(self) -> int:
        """How many words there are."""
        return sum(self.lengths)

    @property
    def unknown(self) -> int:
        """How many of them have no id of their own."""
        return array("q", self.words).count(UNKNOWN)


class PairBatch(msgspec.Struct, frozen=True):
    """One batch of B pairs, in the same order on both sides.

    ``source`` is in reading order, without an end. ``target`` has no start, and END as the last word of each sentence.
    """

    source: Sentences
    target: Sentences

    @property
    def words(self) -> int:
        """The words of both sides, each END included."""
        return self.source.number + self.target.number


class PairData(msgspec.Struct, frozen=True, kw_only=True, tag="pairs"):
    """The batches and where they come from.

    Of all pairs that were read, ``pairs`` could be used, ``too_long`` ones did not fit, and ``wordless`` ones had a
    side without words. ``tokens`` counts the words of both sides, those of pairs that are too long included.
    ``repeated`` says whether the batches need more pairs than there are, so that pairs were used again. ``origin`` says
    in words where the pairs come from, ``more`` what would bring more of them, and ``skipped`` how many files could not
    be read. ``bytes_read`` is how much of two files was read, which is what the hash is of; ``whole`` says whether they
    have no more.
    """

    batches: tuple[PairBatch, ...]
    kind: str
    sha256: str
    origin: str
    pairs: int
    tokens: int
    source_side: Side
    target_side: Side
    count_rule: str
    too_long: int = 0
    wordless: int = 0
    repeated: bool = False
    bytes_read: int | None = None
    whole: bool = True
    skipped: int = 0
    more: str = ""

    @property
    def left_out(self) -> int:
        """Pairs that were read and not used."""
        return self.too_long + self.wordless

    @property
    def vocabulary(self) -> int:
        """Target words that kept an id."""
        return self.target_side.vocabulary

    @property
    def unknown_share(self) -> float:
        """The share of UNK among the words of both sides, in all batches."""
        return _unknown_share(side for batch in self.batches for side in (batch.source, batch.target))

    def source(self, asked: PairsAsked) -> Source:
        """What a record holds of the input, with the doubts that its reader must know."""
        doubts = (self._too_few() if self.repeated else None, self._one_sided(), *self._unknown(asked))
        return Source(
            kind=self.kind,
            sha256=self.sha256,
            unit="words",
            items=tuple(batch.words for batch in self.batches),
            count_rule=self.count_rule,
            tokens=self.tokens,
            vocabulary=self.vocabulary,
            unknown_share=self.unknown_share,
            bytes_read=self.bytes_read,
            whole=self.whole,
            pairs=self.pairs,
            origin=self.origin,
            doubts=tuple(doubt for doubt in doubts if doubt is not None),
        )

    def _unknown(self, asked: PairsAsked) -> Iterator[Doubt | None]:
        """For each side a doubt, if too many of its words are unknown."""
        for ids, side, words in (
            (
                Ids(asked.source_vocab, "--source-vocab", "source"),
                self.source_side,
                (batch.source for batch in self.batches),
            ),
            (
                Ids(asked.vocab, "--vocab", "target"),
                self.target_side,
                (batch.target for batch in self.batches),
            ),
        ):
            share = _unknown_share(words)
            yield unknown_words(asked.tokens, ids, share, side.enough_vocab, side.letters_unknown)

    def _one_sided(self) -> Doubt | None:
        """A doubt if many pairs have an empty side: usually the files are not parallel then."""
        read = self.pairs + self.left_out
        if self.wordless < _ONE_SIDED * read:
            return None
        return Doubt(
            code=WarningCode.EMPTY_SIDES,
            cause=f"{self.wordless:,} of {read:,} pairs have a side without words, and were left out",
            next_step="see that both files are parallel, line by line",
        )

    def _too_few(self) -> Doubt:
        too_long = f"{self.too_long:,} pair{' is' if self.too_long == 1 else 's are'} too long"
        longer = f", a larger --sequence-length ({too_long})" if self.too_long else ""
        return Doubt(
            code=WarningCode.SHORT_TEXT,
            cause=f"the batches need more pairs than the {self.pairs:,} that there are: they were used again",
            next_step=f"use {self.more}{longer} or a smaller --batch",
        )


def load(asked: PairsAsked) -> PairData:
    """The data that a configuration asks for.

    Raises:
        UsageError: A file is missing, is not UTF-8 or is not parallel to the other one; the machine has no catalogs of
            the language; there are no pairs of words, or none fits.
        EnvironmentRefusedError: This Python does not carry the default text.
    """
    if asked.synthetic:
        return synthetic(asked)
    origin = origin_of(asked)
    kept = Kept(origin.pairs(), asked)
    if kept.shortest is None:
        raise UsageError(origin.none_found)
    if not kept.usable:
        no_pair = (
            "the only pair does not fit" if kept.too_long == 1 else f"none of {kept.too_long:,} pairs fits"
        )
        raise UsageError(
            f"--sequence-length {asked.sequence_length}: {no_pair}, and a translation cannot be cut; "
            f"use --sequence-length {kept.shortest} or more"
        )
    told = origin.told()
    best = kept.best
    source_side, source_ids = side_of(kept.sources, asked.source_vocab, (pair.source for pair in best))
    target_side, target_ids = side_of(kept.targets, asked.vocab, (pair.target for pair in best))
    needed = BATCHES * asked.batch
    pairs = [
        (
            [source_ids.get(word, UNKNOWN) for word in source],
            [target_ids.get(word, UNKNOWN) for word in target],
        )
        for source, target in islice(cycle(best), needed)
    ]
    return PairData(
        batches=_batches(pairs, asked),
        kind=origin.kind,
        sha256=told.sha256,
        origin=told.text,
        pairs=kept.usable,
        tokens=kept.sources.tokens + kept.targets.tokens,
        source_side=source_side,
        target_side=target_side,
        count_rule=_COUNT_RULES[asked.tokens],
        too_long=kept.too_long,
        wordless=kept.wordless,
        repeated=kept.usable < needed,
        bytes_read=told.bytes_read,
        whole=told.whole,
        skipped=told.skipped,
        more=origin.more,
    )


def synthetic(asked: PairsAsked) -> PairData:
    """Batches of words drawn by Zipf's law for both sides: a word for each time step, no padding."""
    generator = random.Random(asked.seed)  # noqa: S311 - reproducible, not secret
    number, steps = BATCHES * asked.batch, asked.sequence_length
    sources = by_zipf(generator, asked.source_vocab, number * steps)
    targets = by_zipf(generator, asked.vocab, number * (steps - 1))
    pairs = [
        (
            sources[place * steps : (place + 1) * steps],
            [*targets[place * (steps - 1) : (place + 1) * (steps - 1)], END],
        )
        for place in range(number)
    ]
    return PairData(
        batches=_batches(pairs, asked),
        kind="synthetic",
        sha256=hashlib.sha256(array("q", [*sources, *targets]).tobytes()).hexdigest(),
        origin="drawn from Zipf's law",
        pairs=number,
        tokens=len(sources) + len(targets),
        source_side=Side(vocabulary=asked.source_vocab - RESERVED_WORDS),
        target_side=Side(vocabulary=asked.vocab - RESERVED_WORDS),
        count_rule=_SYNTHETIC_COUNT_RULE,
    )


def _batches(pairs: list[tuple[list[int], list[int]]], asked: PairsAsked) -> tuple[PairBatch, ...]:
    """All batches, made of pairs of sentences as ids."""
    if asked.bucket:
        pairs = sorted(pairs, key=lambda pair: (-len(pair[1]), -len(pair[0])))
    return tuple(
        _batch(pairs[start : start + asked.batch]) for start in range(0, BATCHES * asked.batch, asked.batch)
    )


def _batch(pairs: list[tuple[list[int], list[int]]]) -> PairBatch:
    pairs = sorted(pairs, key=lambda pair: (-len(pair[0]), -len(pair[1])))
    return PairBatch(*(_sentences([pair[side] for pair in pairs]) for side in (0, 1)))


def _sentences(sentences: Sequence[Sequence[int]]) -> Sentences:
    words = array("q", [word for sentence in sentences for word in sentence])
    return Sentences(words.tobytes(), tuple(map(len, sentences)))


def _unknown_share(sides: Iterable[Sentences]) -> float:
    """The share of UNK among the words of these sides."""
    unknown = number = 0
    for side in sides:
        unknown += side.unknown
        number += side.number
    return unknown / number
