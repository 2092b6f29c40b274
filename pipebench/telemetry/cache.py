"""The user's cache folder: what was measured once of this machine, one small file each."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

Document = TypeVar("Document", bound=msgspec.Struct)


def folder() -> Path:
    """As the system has it."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "pipebench"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "pipebench" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pipebench"


def read(path: Path, kind: type[Document]) -> Document | None:
    """What was kept there; ``None`` if nothing was, or the file is no good."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def write(target: Path, document: bytes) -> Path | None:
    """Keep a document, whole or not at all; ``None`` where nothing can be written."""
    temporary = target.with_suffix(f".{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(document)
        temporary.replace(target)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        return None
    return target
