"""The words: from text or a seeded Zipf distribution to fixed [T, B] batches. Imports no torch.

A sentence longer than T + 1 words is cut. Pieces are sorted by length, the longest first, so that pieces of similar
length share a batch and padding is low. Every word beyond the ``vocab`` most frequent ones is UNK, as is a literal
``<unk>``. A batch's inputs are words 0..T-1 of each piece, and its targets are words 1..T. A target that is padding is
not counted and has no loss.

Of a long text only the first part is read, which is more than enough for vocabulary and batches.
"""

import hashlib
import random
from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, cycle, islice

import msgspec

from pipebench.errors import EnvironmentRefusedError, UsageError
from pipebench.models.outline import BATCHES, Doubt, Source
from pipebench.models.text.asked import RESERVED_WORDS, TextAsked, TokenRule
from pipebench.models.text.reading import TextFile
from pipebench.models.text.unknown import FEW, Ids, rounded, unknown_words
from pipebench.models.text.vocabulary import Counted
from pipebench.models.text.words import sentences
from pipebench.system.names import as_named
from pipebench.warning_codes import WarningCode

PADDING, UNKNOWN, END = range(RESERVED_WORDS)
REFERENCE = "pydoc_data.topics"

_MOST_BYTES = 8 << 20  # of a text that are read, if vocabulary and batches are not unusually large
_BYTES_A_TARGET, _BYTES_AN_ID = 16, 256

_COUNT_RULES: dict[TokenRule, str] = {
    "words": "target words without padding; words by Unicode (UAX 29), in scripts without spaces letters; a "
    "punctuation mark and the end of a sentence count as words",
    "characters": "target characters (grapheme clusters) without padding; white space is none, the end of a sentence "
    "counts as one",
    "spaces": "target tokens without padding, as spaces separate them; the end of a line counts as one",
}
_SYNTHETIC_COUNT_RULE = "target words; they are drawn, and there is no padding"


class Batch(msgspec.Struct, frozen=True):
    """One batch, time-major: ``inputs`` and ``targets`` are int64 [T, B] as bytes; ``words`` counts targets."""

    inputs: bytes
    targets: bytes
    words: int


class Data(msgspec.Struct, frozen=True, kw_only=True, tag="text"):
    """The batches and where they come from.

    ``tokens`` is the size of the source in words. ``vocabulary`` is how many distinct words kept an id of their own.
    ``repeated`` says whether the source was too short, so that its sentences were used again. ``bytes_read`` is how
    much of a file was read, which is what the hash is of; ``whole`` says whether the file has no more. ``enough_vocab``
    is the ``--vocab`` that leaves a quarter of the words unknown; ``None`` if none does. ``letters_unknown`` is the
    share that would be unknown if letters were words; 0 if few words are unknown.
    """

    kind: str
    sha256: str
    tokens: int
    vocabulary: int
    repeated: bool
    count_rule: str
    batches: tuple[Batch, ...]
    bytes_read: int | None = None
    whole: bool = True
    enough_vocab: int | None = None
    letters_unknown: float = 0.0

    @property
    def unknown_share(self) -> float:
        """The share of UNK among the targets that count, in all batches."""
        unknown = sum(array("q", batch.targets).count(UNKNOWN) for batch in self.batches)
        return unknown / sum(batch.words for batch in self.batches)

    def source(self, config: TextAsked) -> Source:
        """What a record holds of the input, with the doubts that its reader must know."""
        doubts = (
            _repeated(config) if self.repeated else None,
            unknown_words(
                config.tokens,
                Ids(config.vocab),
                self.unknown_share,
                self.enough_vocab,
                self.letters_unknown,
            ),
        )
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
            doubts=tuple(doubt for doubt in doubts if doubt is not None),
        )


def _repeated(config: TextAsked) -> Doubt:
    return Doubt(
        code=WarningCode.SHORT_TEXT,
        cause="the text has fewer sentences than the batches need: they were used again",
        next_step=f"use {'a longer' if config.text else 'another text with'} --text, or a smaller --batch",
    )


def load(config: TextAsked) -> Data:
    """The data that a configuration asks for.

    Raises:
        UsageError: The text file is missing, is not UTF-8 or holds no words.
    """
    if config.synthetic:
        return synthetic(config)
    if config.text is not None:
        return from_file(config.text, config)
    return from_text(python_reference(), REFERENCE, config)


def python_reference() -> str:
    """The language reference that the running interpreter carries."""
    return "\n\n".join(reference_topics("--text FILE"))


def reference_topics(instead: str) -> list[str]:
    """The topics of the language reference, in the order of their names.

    Raises:
        EnvironmentRefusedError: This Python was installed without it; the text says what to use ``instead``.
    """
    try:
        from pydoc_data.topics import topics  # noqa: PLC0415 - 0.7 MB that only this input needs
    except ImportError:
        raise EnvironmentRefusedError(
            f"this Python carries no pydoc_data.topics, the default text: use {instead} or --synthetic"
        ) from None
    return [topics[name] for name in sorted(topics)]


def most_bytes(batch: int, sequence_length: int, vocab: int) -> int:
    """How many bytes of a text file are read at most."""
    targets = BATCHES * batch * (sequence_length + 1)
    return max(_MOST_BYTES, _BYTES_A_TARGET * targets, _BYTES_AN_ID * vocab)


def from_file(name: str, config: TextAsked) -> Data:
    """Batches of a file's sentences, or of those of its first part."""
    file = TextFile(as_named(name), most_bytes(config.batch, config.sequence_length, config.vocab))
    data = _from_blocks(file.blocks(), "text", config, lambda: file.whole)
    return msgspec.structs.replace(data, sha256=file.sha256, bytes_read=file.bytes_read, whole=file.whole)


def from_text(text: str, kind: str, config: TextAsked) -> Data:
    """Batches of a text's sentences."""
    data = _from_blocks([text], kind, config, lambda: True)
    return msgspec.structs.replace(data, sha256=hashlib.sha256(text.encode()).hexdigest())


def _from_blocks(blocks: Iterable[str], kind: str, config: TextAsked, is_whole: Callable[[], bool]) -> Data:
    needed = BATCHES * config.batch
    counted = Counted(
        sentences(blocks, config.tokens, is_whole=is_whole),
        config.tokens,
        length=config.sequence_length + 1,
        needed=needed,
        vocabulary=config.vocab,
    )
    if not counted.usable:
        raise UsageError(f"--text {config.text}: expected words, found none")
    order = counted.by_frequency()
    kept = order[: config.vocab - RESERVED_WORDS]
    pieces = list(counted.ids(kept, first=RESERVED_WORDS, unknown=UNKNOWN, end=END))
    enough = counted.size_for(FEW, order)
    few = enough is not None and enough <= len(kept)
    return Data(
        kind=kind,
        sha256="",
        tokens=counted.tokens,
        vocabulary=len(kept),
        repeated=counted.usable < needed,
        count_rule=_COUNT_RULES[config.tokens],
        batches=_batches(list(islice(cycle(pieces), needed)), config),
        enough_vocab=None if enough is None else rounded(enough + RESERVED_WORDS),
        letters_unknown=0.0 if few else counted.letters_beyond(len(kept)),
    )


def synthetic(config: TextAsked) -> Data:
    """Batches of words drawn by Zipf's law: full sequences, no padding."""
    generator = random.Random(config.seed)  # noqa: S311 - reproducible, not secret
    length = config.sequence_length + 1
    drawn = by_zipf(generator, config.vocab, BATCHES * config.batch * length)
    pieces = [drawn[start : start + length] for start in range(0, len(drawn), length)]
    return Data(
        kind="synthetic",
        sha256=hashlib.sha256(array("q", drawn).tobytes()).hexdigest(),
        tokens=len(drawn),
        vocabulary=config.vocab - RESERVED_WORDS,
        repeated=False,
        count_rule=_SYNTHETIC_COUNT_RULE,
        batches=_batches(pieces, config),
    )


def by_zipf(generator: random.Random, vocab: int, number: int) -> list[int]:
    """Draw so many words by Zipf's law: the r-th most frequent one has weight 1/r. Reserved ids are not drawn."""
    words = range(RESERVED_WORDS, vocab)
    weights = array("d", accumulate(1 / rank for rank in range(1, len(words) + 1)))
    return generator.choices(words, cum_weights=weights, k=number)


def _batches(pieces: Sequence[Sequence[int]], config: TextAsked) -> tuple[Batch, ...]:
    return tuple(
        _batch(pieces[start : start + config.batch], config.sequence_length)
        for start in range(0, BATCHES * config.batch, config.batch)
    )


def _batch(pieces: Sequence[Sequence[int]], sequence_length: int) -> Batch:
    inputs, targets, words = array("q"), array("q"), 0
    for time in range(sequence_length):
        for piece in pieces:
            inputs.append(piece[time] if time < len(piece) else PADDING)
            target = piece[time + 1] if time + 1 < len(piece) else PADDING
            targets.append(target)
            words += target != PADDING
    return Batch(inputs.tobytes(), targets.tobytes(), words)
