"""Reads a text file: its blocks are checked and decoded as they come, and no more are read than are needed.

Not all that can be decoded is text. Bytes that no text has, and letters that show an earlier decoding to be wrong, are
refused with their place and a guess. Works for pipes and endless files too. Imports no torch.
"""

import hashlib
import re
import stat
from collections.abc import Iterator
from os import fstat
from pathlib import Path
from typing import BinaryIO

from pipebench.errors import UsageError
from pipebench.system import encodings
from pipebench.system.encodings import Guess
from pipebench.system.names import as_text, is_text
from pipebench.system.pasting import path_word, quoted

_BLOCK_BYTES = 1 << 18
_HEAD_BYTES = 1 << 10  # the least that a file's kind is told by
_CONTROL = re.compile(r"[\x01-\x08\x0e-\x1f\x7f]")  # all but tabs and ends of lines and pages
_A_FEW = 4  # so many may be in any text


class TextFile:
    """A UTF-8 text file, read once, up to ``most_bytes``; ``option`` is the option that named it.

    When ``blocks`` has ended, ``bytes_read`` is how many bytes were read, and ``sha256`` is their hash. ``whole`` says
    whether the file has no more.
    """

    def __init__(self, name: str, most_bytes: int, option: str = "--text") -> None:
        if not (is_text(name) and as_text(name).isprintable()):
            raise UsageError(f"{option} {name!a}: expected a name in printable UTF-8; rename the file")
        self.name, self.most_bytes, self.option = name, most_bytes, option
        self.bytes_read, self.whole = 0, False
        self._hash = hashlib.sha256()
        self._regular = False
        self._controls, self._replaced = _Doubt(share=0.02), _Doubt(share=0.005)

    @property
    def sha256(self) -> str:
        """The SHA-256 of the bytes read so far."""
        return self._hash.hexdigest()

    def blocks(self) -> Iterator[str]:
        """The text in pieces, without a byte order mark; no letter is cut in two.

        Raises:
            UsageError: The file cannot be read, or is no text in UTF-8.
        """
        try:
            with Path(self.name).open("rb", buffering=0) as file:
                self._regular = stat.S_ISREG(fstat(file.fileno()).st_mode)
                yield from self._texts(file)
        except OSError as error:
            raise UsageError(
                f"{self.option} {self.name}: cannot be read ({error.strerror}); name an existing file"
            ) from None

    def _texts(self, file: BinaryIO) -> Iterator[str]:
        start, rest, data = (
            0,
            b"",
            b"",
        )  # where the data begins in the file; a letter that a block's end has cut
        for block in self._bytes(file):
            data = rest + block
            if start == 0:
                self._check_beginning(data)
            self._check_bytes(data, start)
            text = self._decoded(data, start)
            used = len(text.encode())
            self._check_letters(text, data, start)
            yield text.removeprefix("\ufeff") if start == 0 else text
            start, rest = start + used, data[used:]
        if rest and self.whole:
            problem = f"expected UTF-8, byte {start} (0x{rest[0]:02X}) begins a letter that does not end"
            raise self._refused(problem, encodings.guess(data[-encodings.SAMPLE_BYTES :]))
        self._conclude()

    def _bytes(self, file: BinaryIO) -> Iterator[bytes]:
        """Blocks up to the bound or the file's end; the first one is large enough to tell the file's kind by."""
        held = b""  # a pipe gives what there is
        while self.bytes_read < self.most_bytes:
            block = file.read(min(_BLOCK_BYTES, self.most_bytes - self.bytes_read))
            if not block:
                self.whole = True
                break
            self.bytes_read += len(block)
            self._hash.update(block)
            held += block
            if self.bytes_read >= _HEAD_BYTES:
                yield held
                held = b""
        if held:
            yield held
        self.whole |= self._regular and self.bytes_read >= fstat(file.fileno()).st_size

    def _check_beginning(self, data: bytes) -> None:
        known = encodings.beginning(data)
        if known is not None:
            raise self._refused("expected text in UTF-8, byte 0 begins something else", known)

    def _check_bytes(self, data: bytes, start: int) -> None:
        """Refuse bytes that are valid UTF-8 but are in no text."""
        nul = data.find(0)
        if nul >= 0:
            guess = encodings.guess(_around(data, nul, start))
            raise self._refused(f"expected text in UTF-8, byte {start + nul} is NUL", guess)
        shift = encodings.seven_bits(data)
        if shift is not None:
            place, guess = shift
            raise self._refused(
                f"expected text in UTF-8, byte {start + place} begins a change of alphabet", guess
            )

    def _decoded(self, data: bytes, start: int) -> str:
        """The whole letters of ``data``, whose place in the file is ``start``."""
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            if error.end == len(data) and error.reason == "unexpected end of data":
                return data[: error.start].decode("utf-8")
            guess = encodings.guess(_around(data, error.start, start))
            problem = f"expected UTF-8, byte {start + error.start} (0x{data[error.start]:02X}) is not"
        raise self._refused(problem, guess)

    def _check_letters(self, text: str, data: bytes, start: int) -> None:
        self._controls.take(_CONTROL.findall(text), text, data, start)
        self._replaced.take([] if text.isascii() else ["\ufffd"] * text.count("\ufffd"), text, data, start)
        if start + len(data) > 4 * _HEAD_BYTES:  # enough to tell
            self._conclude()

    def _conclude(self) -> None:
        """Refuse letters that any text may have a few of, if there are too many of them."""
        if self._controls.is_founded:
            told = f"{self._controls.found:,} of {self._controls.letters:,} letters are control characters"
            problem = f"expected text in UTF-8, {told}, the first at byte {self._controls.first}"
            raise self._refused(problem, encodings.of_controls(self._controls.sample))
        if self._replaced.is_founded:
            told = f"{self._replaced.found:,} of {self._replaced.letters:,} letters are U+FFFD"
            raise UsageError(
                f"{self.option} {self.name}: expected text in UTF-8, {told}, the first at byte {self._replaced.first}: "
                "it was decoded wrongly before; convert the original again"
            )

    def _refused(self, problem: str, guess: Guess) -> UsageError:
        return UsageError(
            f"{self.option} {self.name}: {problem}: looks like {guess.looks}; {self._remedy(guess)}"
        )

    def _remedy(self, guess: Guess) -> str:
        if guess.command is None:
            return guess.remedy
        if not self._regular:
            return f"convert it first, as {guess.command} does"
        name, converted = (quoted(path_word(name)) for name in (self.name, f"{self.name}.utf8"))
        return f"convert it first: {guess.command} {name} > {converted}"


class _Doubt:
    """Counts letters of one kind; more than a few and a ``share`` of all letters are no accident."""

    def __init__(self, *, share: float) -> None:
        self.share, self.found, self.letters = share, 0, 0
        self.first, self.sample = 0, b""

    def take(self, found: list[str], text: str, data: bytes, start: int) -> None:
        """Count those ``found`` in ``text``, whose bytes are ``data``, from ``start`` on in the file."""
        if found and not self.found:
            place = len(text[: text.index(found[0])].encode())
            self.first, self.sample = start + place, _around(data, place, start)
        self.found += len(found)
        self.letters += len(text)

    @property
    def is_founded(self) -> bool:
        """Whether there are too many."""
        return self.found > _A_FEW + self.share * self.letters


def _around(data: bytes, place: int, start: int) -> bytes:
    """The bytes around a place, beginning where a letter of 2 or 4 bytes would begin."""
    first = max(place - encodings.SAMPLE_BYTES // 2, 0)
    first += -(start + first) % 4
    return data[first : first + encodings.SAMPLE_BYTES]
