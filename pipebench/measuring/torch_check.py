"""Whether this Python has a torch that can be loaded, and what is wrong with the one that cannot. Pure until asked."""

import re
import sys

from pipebench.errors import EnvironmentRefusedError
from pipebench.system.refusals import first_line, why

_INSTALL = "install one that fits this system and this Python (pip install --force-reinstall torch)"

# What a loader says, and in our words what that means, with what to do.
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
        EnvironmentRefusedError: It is not there, or it cannot be loaded.
    """
    try:
        import torch  # noqa: F401, PLC0415 - that is the question
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise _refused(error) from error
        raise EnvironmentRefusedError(
            f"torch is not installed for {sys.executable}: install it there (pip install torch)"
        ) from error
    except Exception as error:  # whatever the loader, or code that runs on loading, finds amiss
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
