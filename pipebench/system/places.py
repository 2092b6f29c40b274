"""Places that files go to: files that are written whole or not at all, and what is said where one cannot be written."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from pipebench.errors import EnvironmentRefusedError
from pipebench.system.reasons import help_for, reason

_A_LINE = 16  # bytes: what Python writes to try a folder is less
_END_BYTES = 1 << 20  # of either end of a file that is too long to be kept whole
_VARIABLES = ("TMPDIR", "TEMP", "TMP")  # in the order in which Python asks them


def not_written(path: Path, error: OSError, otherwise: str) -> str:
    """One line on a file that could not be written: which one, where, why, and what to do.

    Args:
        path: the path of the file.
        error: what the system said.
        otherwise: what to do if the reason itself cannot be helped, such as ``name another folder with -o``.
    """
    text = f"{path.name} cannot be written in {path.parent}: {reason(error)}"
    return f"{text}; {help_for(error, otherwise)}"


def write_whole(path: Path, document: bytes) -> None:
    """Write a file so that readers see all of it or none, and what was there stays until then; folders are made.

    Raises:
        OSError: It cannot be written; nothing is left behind.
    """
    _filled(path, lambda file: file.write(document))


def copy_ends(path: Path, source: Path, most: int = _END_BYTES) -> None:
    """Like ``write_whole``, for another file's bytes; of a longer file the first and the last ``most`` bytes are kept.

    A line between the two says how many are left out.

    Raises:
        OSError: The file cannot be written, or ``source`` cannot be read; nothing is left behind.
    """

    def fill(file: IO[bytes]) -> None:
        left_out = read.seek(0, os.SEEK_END) - 2 * most
        read.seek(0)
        if left_out > 0:
            file.write(read.read(most))
            file.write(f"\n[pipebench: {left_out:,} bytes are left out here]\n".encode())
            read.seek(-most, os.SEEK_END)
        shutil.copyfileobj(read, file)

    with source.open("rb") as read:
        _filled(path, fill)


def _filled(path: Path, fill: Callable[[IO[bytes]], object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem[:100]}-{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


@contextmanager
def temporary_folder(prefix: str = "pipebench-") -> Iterator[Path]:
    """A private folder, which is deleted at the end.

    Raises:
        EnvironmentRefusedError: No folder can be made.
    """
    with writing_temporary_files():
        made = tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)
    with made as name:
        yield Path(name)


@contextmanager
def writing_temporary_files() -> Iterator[None]:
    """Say in which folder a temporary file cannot be written, and which variable named the folder.

    Raises:
        EnvironmentRefusedError: A file could not be written.
    """
    try:
        yield
    except OSError as error:
        raise EnvironmentRefusedError(_no_temporary_files(error)) from None


def _no_temporary_files(error: OSError) -> str:
    remedy = "set TMPDIR to a folder that has room"
    try:
        place = temporary_place()
    except FileNotFoundError:  # Python has tried them all
        named = [f"{name}={os.environ[name]}" for name in _VARIABLES if os.environ.get(name)]
        if _no_file_may_grow():
            return "temporary files cannot be written: the file size limit is too low; raise it (ulimit -f)"
        tried = ", ".join([*named, "/tmp and others"])  # noqa: S108 - it is only told
        return f"temporary files cannot be written in any of {tried}; {remedy}"
    return f"temporary files cannot be written in {place}: {reason(error)}; {help_for(error, remedy)}"


def _no_file_may_grow() -> bool:
    """Whether this process may not even write a line into a file."""
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        return False
    return 0 <= resource.getrlimit(resource.RLIMIT_FSIZE)[0] < _A_LINE


def temporary_place() -> str:
    """The folder of temporary files, with the variable that named it.

    Raises:
        FileNotFoundError: There is no folder that can be written.
    """
    used = tempfile.gettempdir()
    named = (name for name in _VARIABLES if os.environ.get(name))
    return next((f"{name}={used}" for name in named if os.path.abspath(os.environ[name]) == used), used)  # noqa: PTH100
