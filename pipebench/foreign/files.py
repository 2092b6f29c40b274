"""The bytes of a file that somebody else's tool wrote, packed by gzip or not. Pure.

Nothing is trusted: a file may be cut, may unpack to more than it says, or may have no end.
"""

import hashlib
import stat
import zlib
from pathlib import Path
from typing import NamedTuple

from pipebench.errors import CorruptRecordError, UsageError
from pipebench.system import reasons
from pipebench.system.names import as_text

MOST_BYTES = 1 << 29  # unpacked
_GZIP = b"\x1f\x8b"


class Contents(NamedTuple):
    """A file's bytes, unpacked if they were packed, and their hash."""

    document: bytes
    sha256: str


def read(path: Path) -> Contents:
    """Read a file whole.

    Raises:
        UsageError: There is no such file.
        CorruptRecordError: It cannot be read, is damaged, or holds more than 512 MiB.
    """
    name = as_text(str(path))
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(
                f"{name}: expected a file, found {'a folder' if path.is_dir() else 'a device or a pipe'}"
            )
        if found.st_size > MOST_BYTES:
            raise _too_large(name)
        stored = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(
            f"{name}: no such file; name a span table in CSV, or traces of torch.profiler"
        ) from None
    except OSError as error:
        raise CorruptRecordError(f"{name}: cannot be read: {reasons.reason(error)}") from None
    document = _unpacked(stored, name) if stored.startswith(_GZIP) else stored
    return Contents(document, hashlib.sha256(document).hexdigest())


def beginning(path: Path, size: int) -> bytes:
    """The first bytes of a file, unpacked if they were packed; empty if it cannot be read or unpacked."""
    try:
        with path.open("rb") as file:
            stored = file.read(size)
        return zlib.decompressobj(wbits=31).decompress(stored, size) if stored.startswith(_GZIP) else stored
    except (OSError, zlib.error):
        return b""


def _unpacked(stored: bytes, name: str) -> bytes:
    """All members of a gzip file, one after the other."""
    parts: list[bytes] = []
    room, rest = MOST_BYTES, stored
    while rest:
        unpacking = zlib.decompressobj(wbits=31)
        try:
            part = unpacking.decompress(rest, room + 1)
        except zlib.error:
            raise CorruptRecordError(f"{name}: damaged: what gzip packed in it cannot be unpacked") from None
        room -= len(part)
        if room < 0:
            raise _too_large(name)
        if not unpacking.eof:
            raise CorruptRecordError(
                f"{name}: cut short: expected the end of what gzip packed, found the end of the file"
            )
        parts.append(part)
        rest = unpacking.unused_data.lstrip(b"\0")  # some tools fill the last block with zeros
    return b"".join(parts)


def _too_large(name: str) -> CorruptRecordError:
    return CorruptRecordError(
        f"{name}: expected at most {MOST_BYTES >> 20} MiB, found more; record fewer steps"
    )
