"""Pairs from two text files that are parallel line by line: line k of one is line k of the other. Pure.

A line ends at a line feed and nowhere else: other separators of Unicode stand within the lines of some corpora. A
carriage return before it is white space. Of long files the first part is read; a line that the bound cuts is left out,
and so are lines beyond the other file's part.
"""

import hashlib
from collections.abc import Iterator

from pipebench.errors import UsageError
from pipebench.models.pairs.origin import SentencePair, Told
from pipebench.models.text.asked import TokenRule
from pipebench.models.text.reading import TextFile
from pipebench.models.text.words import words_of


class ParallelFiles:
    """The lines of two files, each with its words.

    Args:
        source: the file with the sentences that are read.
        target: the file with those that are written.
        rule: what a word is.
    """

    kind = "files"
    more = "longer files"

    def __init__(self, source: TextFile, target: TextFile, rule: TokenRule) -> None:
        self._source, self._target, self._rule = _Lines(source), _Lines(target), rule

    @property
    def none_found(self) -> str:
        """The error's text, which names both files."""
        return f"{self._source.name}, {self._target.name}: expected words in lines of both, found none"

    def pairs(self) -> Iterator[SentencePair]:
        """One pair for each line; an empty line gives a side without words.

        Raises:
            UsageError: A file cannot be read or is no text in UTF-8, or one has more lines than the other.
        """
        sources, targets = iter(self._source), iter(self._target)
        while True:
            source, target = next(sources, None), next(targets, None)
            if source is None or target is None:
                break
            yield SentencePair(words_of(source, self._rule), words_of(target, self._rule))
        for lines in (sources, targets):  # the hash is of the same bytes each time
            for _ in lines:
                pass
        self._check_numbers()

    def told(self) -> Told:
        """See ``Origin``; the hash is of a text with the hashes of both files, one on each line."""
        files = (self._source.file, self._target.file)
        return Told(
            text="two files, parallel by lines",
            sha256=hashlib.sha256("".join(f"{file.sha256}\n" for file in files).encode()).hexdigest(),
            bytes_read=sum(file.bytes_read for file in files),
            whole=all(file.whole for file in files),
        )

    def _check_numbers(self) -> None:
        """Refuse a file that has ended and has fewer lines than the other."""
        shorter, longer = sorted((self._source, self._target), key=lambda lines: lines.number)
        if shorter.number < longer.number and shorter.file.whole:
            raise UsageError(
                f"{self._source.told}, {self._target.told}: expected equally many, since each line of one "
                "makes a pair with the same line of the other; name two files that are parallel"
            )


class _Lines:
    """A file's lines, and how many came."""

    def __init__(self, file: TextFile) -> None:
        self.file, self.number = file, 0
        self.name = f"{file.option} {file.name}"

    def __iter__(self) -> Iterator[str]:
        held: list[str] = []  # of a line that goes on in the next block
        for block in self.file.blocks():
            first, *others = block.split("\n")
            held.append(first)
            for line in others:
                self.number += 1
                yield "".join(held)
                held = [line]
        if self.file.whole and any(held):
            self.number += 1
            yield "".join(held)

    @property
    def told(self) -> str:
        """The file's name with its number of lines."""
        at_least = "" if self.file.whole else "at least "
        return f"{self.name} has {at_least}{self.number:,} line{'' if self.number == 1 else 's'}"
