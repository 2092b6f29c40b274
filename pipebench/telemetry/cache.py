"""The user's cache folder: what was measured once of this machine, one small file each."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from pipebench.system.places import write_whole

_EVERY_S = 0.1
Document = TypeVar("Document", bound=msgspec.Struct)


def folder() -> Path:
    """The folder for caches of this system; without a home a path that cannot be, so that nothing is found or kept."""
    if sys.platform == "darwin":
        return _home() / "Library" / "Caches" / "pipebench"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or _home()) / "pipebench" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or _home() / ".cache") / "pipebench"


def read(path: Path, kind: type[Document]) -> Document | None:
    """What was kept there; ``None`` if nothing was, or the file is broken."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


@contextmanager
def locked(path: Path, waiting: Callable[[], None]) -> Iterator[bool]:
    """Hold a file's lock, which ends with the process; yields false where files cannot be locked or made.

    Args:
        path: the path of the lock, an empty file that stays.
        waiting: called again and again while somebody else holds it; may raise.
    """
    import fcntl  # noqa: PLC0415 - Windows has none, and does not measure

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        yield False
        return
    try:
        while (mine := _try(lambda: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB))) is None:
            waiting()
            time.sleep(_EVERY_S)
        yield mine
    finally:
        os.close(file)


def _try(lock: Callable[[], None]) -> bool | None:
    """Whether it could be locked at all; ``None`` while somebody else holds it."""
    try:
        lock()
    except BlockingIOError:
        return None
    except OSError:  # a file system without locks
        return False
    return True


def _home() -> Path:
    """The home folder; a container's user may have none: neither HOME nor a line in passwd."""
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
