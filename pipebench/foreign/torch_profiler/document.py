"""A trace's bytes, and what they begin with."""

from pathlib import Path
from typing import NamedTuple

from pipebench.foreign import files
from pipebench.system.encodings import BOM
from pipebench.system.names import as_text


class Document(NamedTuple):
    """A file that was read.

    Args:
        path: its path, as text.
        content: its bytes, unpacked.
        sha256: the hash of the content, in hexadecimal.
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
        CorruptRecordError: It cannot be read, is damaged, or holds too much.
    """
    contents = files.read(path)
    return Document(as_text(str(path)), contents.document.removeprefix(BOM), contents.sha256)
