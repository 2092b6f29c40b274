"""The temporary folder of one ``ab``, locked as long as it is used.

A killed ``ab`` leaves its folder behind, with worktrees in it that its repository still lists. The lock ends with the
process, so that the next ``ab`` can tell what was left from what is in use, in another container too.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pipebench.system.places import temporary_folder, writing_temporary_files

_PREFIX = "pipebench-ab-"
_LOCK = "in-use"
WORKTREE = "worktree-"


@contextmanager
def place() -> Iterator[Path]:
    """A folder of our own; those that were left without worktrees are cleared away."""
    for folder in abandoned():
        if not any(folder.glob(f"{WORKTREE}*")):
            shutil.rmtree(folder, ignore_errors=True)
    with temporary_folder(_PREFIX) as folder:
        made = folder / f".{_LOCK}"
        with writing_temporary_files():
            lock = made.open("w")
        with lock:
            _take(lock)
            made.rename(folder / _LOCK)  # it gets its name only once it is locked
            yield folder


def abandoned() -> list[Path]:
    """Our own folders that are no longer in use, without links: others may put links into a shared temporary folder."""
    locks = Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_LOCK}")
    return [lock.parent for lock in locks if _is_ours(lock.parent) and _is_free(lock)]


def _is_ours(folder: Path) -> bool:
    return not folder.is_symlink() and folder.stat().st_uid == os.getuid()


def _is_free(path: Path) -> bool:
    try:
        with path.open("a") as lock:
            _take(lock)
    except OSError:  # it is held, or another user's
        return False
    return True


def _take(lock: IO[str]) -> None:
    """Lock the file until it is closed.

    Raises:
        OSError: Somebody else holds it.
    """
    import fcntl  # noqa: PLC0415 - Windows has none; ab refuses to measure there

    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
