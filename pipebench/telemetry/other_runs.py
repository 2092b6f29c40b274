"""Other runs that measure on this machine at the same time: each slows the others down, and none can tell by itself.

Every run of a user holds one file in the cache folder while a launch of it measures, and adds a word to it when the
launch begins. A run that gets the file for itself empties it, and is alone as long as its own word is all that is in
it. Locks end with their process. Where files cannot be locked, or the folder cannot be written, no run is seen.

A run that a measured command starts is not beside that command: it uses another file, which a variable names. Such runs
see each other. Runs elsewhere see the command, and it sees them.
"""

import hashlib
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipebench.telemetry import cache

BELOW = "PIPEBENCH_MEASURING"  # names the file of the runs that a measured command starts


def path() -> Path:
    """The file of this machine (a home folder may be that of many), or of the command that this run is part of."""
    named = os.environ.get(BELOW)
    if named:
        return Path(named)
    return cache.folder() / f"measuring-{hashlib.sha256(platform.node().encode()).hexdigest()[:16]}.lock"


@contextmanager
def watched() -> Iterator[Callable[[], bool]]:
    """Be seen by other runs; yields a function that tells whether another one has measured at any time since."""
    file = _opened()
    if file is None:
        yield lambda: False
        return
    word = f"{os.getpid()} {time.monotonic_ns()}\n".encode()
    try:
        alone = _taken(file, word)
        yield lambda: alone is False or (alone is True and os.pread(file, 2 * len(word), 0) != word)
    finally:
        os.close(file)


def _opened() -> int | None:
    with suppress(OSError):
        path().parent.mkdir(parents=True, exist_ok=True)
        return os.open(path(), os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    return None


def _taken(file: int, word: bytes) -> bool | None:
    """Hold the file together with other runs; return whether there is no other, ``None`` if that cannot be told."""
    import fcntl  # noqa: PLC0415 - Windows has none, and does not measure

    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(file, 0)
            alone = True
        except BlockingIOError:
            alone = False
        os.write(file, word)
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks, or a full one
        return None
    return alone
