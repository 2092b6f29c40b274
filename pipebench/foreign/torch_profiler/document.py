"""A trace's bytes: unpacked where gzip packed them, never more than a limit, with the hash of the file."""

import hashlib
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pipebench.encodings import BOM
from pipebench.errors import CorruptRecordError, UsageError
from pipebench.names import as_text

MOST_BYTES = 512 << 20  # unpacked
_GZIP = b"\x1f\x8b"
_BLOCK = 1 << 20
_OR_GZIP = zlib.MAX_WBITS | 16


class Document(NamedTuple):
    """A file that was read.

    Args:
        path: as text.
        content: unpacked.
        sha256: of the bytes as they are on disk, in hexadecimal.
    """

    path: str
    content: bytes
    sha256: str


def is_trace(beginning: bytes) -> bool:
    """Whether a file's first bytes, unpacked, begin a JSON object, as a trace does and a table does not."""
    return beginning.removeprefix(BOM).lstrip().startswith(b"{")


def read(path: Path) -> Document:
    """Read a trace's file, packed or not.

    Raises:
        UsageError: There is no such file.
        CorruptRecordError: It cannot be read, its gzip is broken or cut, or it is above ``MOST_BYTES``.
    """
    where = as_text(str(path))
    content, digest = bytearray(), hashlib.sha256()
    try:
        for block in _unpacked(_blocks(path, digest), where):
            content += block
            if len(content) > MOST_BYTES:
                raise CorruptRecordError(
                    f"{where}: expected a trace of at most {MOST_BYTES >> 20} MiB, unpacked; record fewer steps"
                )
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise UsageError(f"{where}: no such trace ({error.strerror})") from None
    except OSError as error:
        raise CorruptRecordError(f"{where}: cannot be read ({error.strerror})") from None
    return Document(where, bytes(content).removeprefix(BOM), digest.hexdigest())


def _blocks(path: Path, digest: "hashlib._Hash") -> Iterator[bytes]:
    """The file's bytes as they are on disk."""
    kind = path.stat().st_mode
    if stat.S_ISFIFO(kind) or stat.S_ISCHR(kind):
        raise CorruptRecordError(f"{as_text(str(path))}: expected a file, got a pipe or device")
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            yield block


def _unpacked(blocks: Iterator[bytes], where: str) -> Iterator[bytes]:
    """The blocks themselves, or what gzip packed in them, a bounded piece at a time."""
    first = next(blocks, b"")
    if not first.startswith(_GZIP):
        yield first
        yield from blocks
        return
    unpacking = zlib.decompressobj(_OR_GZIP)
    try:
        rest = first
        while rest or (rest := next(blocks, b"")):
            if unpacking.eof:  # one packed file may follow another
                unpacking = zlib.decompressobj(_OR_GZIP)
            yield unpacking.decompress(rest, _BLOCK)
            rest = unpacking.unconsumed_tail or unpacking.unused_data
    except zlib.error as error:
        raise CorruptRecordError(f"{where}: expected a whole gzip file, got a broken one ({error})") from None
    if not unpacking.eof:
        raise CorruptRecordError(f"{where}: expected a whole gzip file, got one that ends too early")
