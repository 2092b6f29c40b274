"""Check that this Python can load torch, and say what is wrong if it cannot. Importing this file loads no torch."""

import re
import sys

from pipebench.errors import EnvironmentRefusedError
from pipebench.system.refusals import first_line, why

_INSTALL = "install one that fits this system and this Python (pip install --force-reinstall torch)"

# What a loader says; what that means in our words, and what to do.
_CAUSES = (
    (
        r"failed to map segment|cannot allocate memory|bad_alloc",
        "there is too little memory or address space for it: "
        "raise the limit (ulimit -v, or the container's memory)",
    ),
    (
        r"(?P<what>\S+): cannot open shared object file",
        "the library {what} is missing: install it, or reinstall torch",
    ),
    (r"version `(?P<what>\S+)' not found", "it was built for a newer system, which has {what}: " + _INSTALL),
    (r"undefined symbol: (?P<what>\S+)", "its libraries do not fit each other: " + _INSTALL),
)


def check_torch() -> None:
    """Load torch.

    Raises:
        EnvironmentRefusedError: torch is not installed, or cannot be loaded.
    """
    try:
        import torch  # noqa: F401, PLC0415 - that is the question
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise _refused(error) from error
        raise EnvironmentRefusedError(
            f"torch is not installed for {sys.executable}: install it there (pip install torch)"
        ) from error
    except Exception as error:  # any error of the loader, or of code that runs on loading
        raise _refused(error) from error


def _refused(error: Exception) -> EnvironmentRefusedError:
    return EnvironmentRefusedError(
        f"torch cannot be loaded by {sys.executable}: {_in_words(error)} ({first_line(error)})"
    )


def _in_words(error: Exception) -> str:
    text = "cannot allocate memory" if isinstance(error, MemoryError) else str(error)
    for pattern, words in _CAUSES:
        found = re.search(pattern, text, re.IGNORECASE)
        if found:
            return words.format(**found.groupdict())
    return why(text) or f"its installation is broken: {_INSTALL}"
