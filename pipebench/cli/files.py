"""Files that an option names, such as ``--junit FILE``.

Each is tried before there is anything to write; one line says why it cannot be written.
"""

from collections.abc import Callable
from errno import ENAMETOOLONG
from pathlib import Path

from pipebench.errors import EnvironmentRefusedError, PipebenchError, UsageError
from pipebench.system import encodings, places, reasons


def check(option: str, path: Path, form: str, is_one: Callable[[bytes], bool]) -> None:
    """Make sure that a file can be written, before anything is measured for it.

    Args:
        option: that names the file.
        path: of the file.
        form: what the file will be, as people call it.
        is_one: whether a file that begins so is one, which may be replaced.

    Raises:
        UsageError: Its folder does not exist, the path is a folder, or something is there that must not be lost.
        EnvironmentRefusedError: It may not be written.
    """
    try:
        if is_stream(path):
            return
        exists = path.exists()
        before = _beginning(path) if path.is_file() else b""
        path.open("a").close()
        if not exists:
            path.unlink()
    except OSError as error:
        raise not_written(option, path, error) from None
    if before and not is_one(before.removeprefix(encodings.BOM).lstrip()):
        raise UsageError(
            f"{option} {path}: expected no file or one of {form}, found another, which would be lost"
        )


def write(option: str, path: Path, document: bytes) -> None:
    """Write the whole file or nothing. Where the path is a link, its target is written; a pipe or a device as it is.

    Raises:
        UsageError: Its folder does not exist, or the path is a folder.
        EnvironmentRefusedError: It cannot be written.
    """
    try:
        if is_stream(path):
            with path.open("wb") as stream:
                stream.write(document)
        else:
            places.write_whole(path.resolve(), document)
    except OSError as error:
        raise not_written(option, path, error) from None


def is_stream(path: Path) -> bool:
    """Whether a path is neither a file nor a folder: a pipe, a terminal, ``/dev/stdout``."""
    return path.exists() and not path.is_file() and not path.is_dir()


def not_written(option: str, path: Path, error: OSError) -> PipebenchError:
    """Which file cannot be written, why, and what to do."""
    is_misnamed = isinstance(error, _NO_PLACE) or error.errno == ENAMETOOLONG
    remedy = reasons.help_for(error, "name another file")
    kind = UsageError if is_misnamed else EnvironmentRefusedError
    return kind(f"{option} {path}: cannot be written: {reasons.reason(error)}; {remedy}")


_NO_PLACE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(1 << 12)
