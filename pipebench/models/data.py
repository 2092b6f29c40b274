"""The words: from text or a seeded Zipf distribution to fixed [T, B] batches. Imports no torch.

A sentence longer than T + 1 words is cut; pieces are sorted by length, so that those of like length share a
batch, and the longest come first, which keeps padding low. Every word beyond the ``vocab`` most frequent is
UNK. A batch's inputs are words 0..T-1 of each piece and its targets words 1..T; a target that is padding is
not counted and has no loss.
"""

import hashlib
import random
import re
from array import array
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, chain, cycle, islice
from pathlib import Path

import msgspec

from pipebench.config import RESERVED_WORDS, RunConfig
from pipebench.errors import EnvironmentRefusedError, UsageError
from pipebench.names import as_named, as_text

PADDING, UNKNOWN, END = range(RESERVED_WORDS)
BATCHES = 4  # fixed batches, used in turn
COUNT_RULE = "target words without padding; a punctuation mark and the end of a sentence count as words"

_SENTENCE_END = re.compile(r"(?<=[.!?:;])\s+|\n\s*\n")
_WORD = re.compile(r"\w+|[^\w\s]")


class Batch(msgspec.Struct, frozen=True):
    """One batch, time-major: ``inputs`` and ``targets`` are int64 [T, B] as bytes; ``words`` counts targets."""

    inputs: bytes
    targets: bytes
    words: int


class Data(msgspec.Struct, frozen=True):
    """The batches and where they are from.

    ``tokens`` is the size of the source in words, ``vocabulary`` how many distinct words kept an id of their
    own, ``repeated`` whether the source was too short and its sentences were used again.
    """

    kind: str
    sha256: str
    tokens: int
    vocabulary: int
    repeated: bool
    batches: tuple[Batch, ...]


def load(config: RunConfig) -> Data:
    """The data that a configuration asks for.

    Raises:
        UsageError: The text file is missing, is not UTF-8 or holds no words.
    """
    if config.synthetic:
        return synthetic(config)
    if config.text is not None:
        return from_text(read_text(Path(as_named(config.text))), "text", config)
    return from_text(python_reference(), "pydoc_data.topics", config)


def read_text(path: Path) -> str:
    """A UTF-8 text file."""
    if not as_text(str(path)).isprintable():
        raise UsageError(f"--text {str(path)!a}: expected a name in printable UTF-8; rename the file")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"--text {path}: expected UTF-8, byte {error.start} is not; convert the file first"
        ) from None
    except OSError as error:
        raise UsageError(f"--text {path}: cannot be read ({error.strerror}); name an existing file") from None


def python_reference() -> str:
    """The language reference that the running interpreter carries."""
    try:
        from pydoc_data.topics import topics  # noqa: PLC0415 - 0.7 MB that only this input needs
    except ImportError:
        raise EnvironmentRefusedError(
            "this Python carries no pydoc_data.topics, the default text: use --text FILE or --synthetic"
        ) from None
    return "\n\n".join(topics[name] for name in sorted(topics))


def from_text(text: str, kind: str, config: RunConfig) -> Data:
    """Batches of real sentences."""
    sentences = [_WORD.findall(sentence.lower()) for sentence in _SENTENCE_END.split(text)]
    counts = Counter(chain.from_iterable(sentences))
    if not counts:
        raise UsageError(f"--text {config.text}: expected words, found none")
    kept = [word for word, _ in counts.most_common(config.vocab - RESERVED_WORDS)]
    ids = {word: number for number, word in enumerate(kept, start=RESERVED_WORDS)}
    pieces = _pieces([[ids.get(word, UNKNOWN) for word in s] + [END] for s in sentences if s], config)
    needed = BATCHES * config.batch
    repeated = len(pieces) < needed
    return Data(
        kind=kind,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        tokens=counts.total(),
        vocabulary=len(kept),
        repeated=repeated,
        batches=_batches(list(islice(cycle(pieces), needed)), config),
    )


def synthetic(config: RunConfig) -> Data:
    """Words drawn from Zipf's law (the r-th most frequent with weight 1/r), full sequences, no padding."""
    generator = random.Random(config.seed)  # noqa: S311 - reproducible, not secret
    words = range(RESERVED_WORDS, config.vocab)
    weights = list(accumulate(1 / rank for rank in range(1, len(words) + 1)))
    length = config.sequence_length + 1
    drawn = generator.choices(words, cum_weights=weights, k=BATCHES * config.batch * length)
    pieces = [drawn[start : start + length] for start in range(0, len(drawn), length)]
    return Data(
        kind="synthetic",
        sha256=hashlib.sha256(array("q", drawn).tobytes()).hexdigest(),
        tokens=len(drawn),
        vocabulary=len(words),
        repeated=False,
        batches=_batches(pieces, config),
    )


def _pieces(sentences: Sequence[Sequence[int]], config: RunConfig) -> list[Sequence[int]]:
    """Sentences cut to at most T + 1 words, longest first; a piece needs two words to predict one."""
    length = config.sequence_length + 1
    pieces = [s[start : start + length] for s in sentences for start in range(0, len(s), length)]
    usable = [piece for piece in pieces if len(piece) > 1]
    if not usable:
        raise UsageError(f"--text {config.text}: expected a sentence of at least one word, found none")
    return sorted(usable, key=len, reverse=True)


def _batches(pieces: Sequence[Sequence[int]], config: RunConfig) -> tuple[Batch, ...]:
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
