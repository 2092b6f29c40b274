"""What a machine can refuse, in our words: what was wanted, what stands in its way, and what to do about it.

The system says little more than a number, and libraries wrap it in words of their own; both are told apart from a run
that broke, which is another exit code.
"""

import errno
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipebench.errors import EnvironmentRefusedError
from pipebench.places import temporary_place

_NO_SPACE = ("no space is left in {place}", "free some, or name another folder with TMPDIR")
_NOT_WRITABLE = ("{place} cannot be written", "name another folder with TMPDIR")
_FILES = (
    "too many files are open (at most {files} are allowed)",
    "raise that limit (ulimit -n), or use fewer devices",
)

# By the system's number: what stands in the way, and what to do.
_CAUSES = {
    errno.ENOSPC: _NO_SPACE,
    errno.EDQUOT: _NO_SPACE,
    errno.EROFS: _NOT_WRITABLE,
    errno.EACCES: _NOT_WRITABLE,
    errno.EPERM: _NOT_WRITABLE,
    errno.ENOENT: ("{place} is gone", "name another folder with TMPDIR"),
    errno.EFBIG: ("files may not become as large as is needed", "raise that limit (ulimit -f)"),
    errno.EMFILE: _FILES,
    errno.ENFILE: _FILES,
    errno.EAGAIN: (
        "no further process or thread may be started",
        "end other programs, or raise that limit (ulimit -u, or the container's limit of pids)",
    ),
    errno.ENOMEM: (
        "there is too little memory or address space",
        "end other programs, or raise the limit (ulimit -v, or the container's memory)",
    ),
    errno.ENOLCK: ("files in {place} cannot be locked", "name a folder on a local disk with TMPDIR"),
}
# Those that a library's text is searched for: others occur in texts about other things.
_IN_TEXTS = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EMFILE,
    errno.ENFILE,
    errno.EAGAIN,
    errno.ENOMEM,
    errno.ENOLCK,
)


@contextmanager
def told(wanted: str) -> Iterator[None]:
    """Tell what the system refuses inside.

    Args:
        wanted: such as ``a launch cannot be started``.

    Raises:
        EnvironmentRefusedError: In the place of an ``OSError``.
    """
    try:
        yield
    except OSError as error:
        raise EnvironmentRefusedError(f"{wanted}: {_why(error)}") from error


def first_line(error: BaseException) -> str:
    """What a library says, or the error's kind where it says nothing."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def why(library_text: str) -> str | None:
    """Cause and next step where a library's error names one of the system's; ``None`` if it does not."""
    for number in _IN_TEXTS:
        if os.strerror(number).lower() in library_text.lower():
            return _told(number, None)
    return None


def _why(error: OSError) -> str:
    if error.filename is not None and error.filename == sys.executable:
        return (
            f"the Python that runs pipebench cannot be started any more ({error.filename}): install it anew"
        )
    if "No usable temporary directory" in str(error):  # tempfile's
        return "no folder for temporary files can be written: name one with TMPDIR"
    if error.errno in _CAUSES:
        return _told(error.errno, error.filename)
    where = f" ({error.filename})" if error.filename else ""
    return f"the system refused with {error.strerror or error}{where}"


def _told(number: int, filename: str | None) -> str:
    cause, remedy = _CAUSES[number]
    place = str(Path(filename).parent) if filename else _temporary_folder()
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return f"{cause.format(place=place, files=files)}: {remedy}"


def _temporary_folder() -> str:
    try:
        return f"{temporary_place()}, the folder for temporary files"
    except OSError:  # none can be written
        return "the folder for temporary files"
