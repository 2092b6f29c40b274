"""The user's cache folder: what was measured once of this machine, one small file each."""

import os
import sys
from pathlib import Path
from typing import TypeVar

import msgspec

from pipebench.places import write_whole

Document = TypeVar("Document", bound=msgspec.Struct)


def folder() -> Path:
    """As the system has it; where there is no home, one that cannot be, so that nothing is found or kept."""
    if sys.platform == "darwin":
        return _home() / "Library" / "Caches" / "pipebench"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or _home()) / "pipebench" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or _home() / ".cache") / "pipebench"


def read(path: Path, kind: type[Document]) -> Document | None:
    """What was kept there; ``None`` if nothing was, or the file is no good."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def _home() -> Path:
    """A container's user may have none: neither HOME nor a line in passwd."""
    try:
        return Path.home()
    except RuntimeError:
        return Path(os.devnull)


def write(target: Path, document: bytes) -> Path | None:
    """Keep a document, whole or not at all; ``None`` where nothing can be written."""
    try:
        write_whole(target, document)
    except OSError:
        return None
    return target
