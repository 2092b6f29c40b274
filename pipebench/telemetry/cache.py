"""The user's cache folder: what was measured once of this machine, one small file each."""

import os
import sys
from contextlib import suppress
from pathlib import Path


def folder() -> Path:
    """As the system has it."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "pipebench"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "pipebench" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pipebench"


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
