"""What a machine can refuse, in our words: what was wanted, what stands in its way, and what to do about it.

The system says little more than a number, and libraries wrap it in words of their own; both are told apart from a run
that broke, which is another exit code.
"""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pipebench.errors import EnvironmentRefusedError
from pipebench.system.reasons import help_for, reason

_ANOTHER_FOLDER = "set TMPDIR to a folder on a local disk that has room"
# The errors that a library's text is searched for; the words of others occur in texts about other things.
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
    """Turn what the system refuses inside into an error for the user.

    Args:
        wanted: such as ``a launch cannot be started``.

    Raises:
        EnvironmentRefusedError: In place of an ``OSError``.
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
            return _why(OSError(number, os.strerror(number)))
    return None


def _why(error: OSError) -> str:
    if error.filename is not None and error.filename == sys.executable:
        return (
            f"the Python that runs pipebench cannot be started any more ({error.filename}): install it anew"
        )
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{reason(error)}; {help_for(error, _ANOTHER_FOLDER)}"
