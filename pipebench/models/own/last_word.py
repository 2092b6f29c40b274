"""What the user's code raises, as one line: the exception, its message, and the user's file and line. Pure."""

import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from pipebench.errors import EnvironmentRefusedError, InterruptedRunError, TerminatedRunError, UsageError
from pipebench.provenance.left_out import hint
from pipebench.provenance.origins import INSTALLED
from pipebench.system.names import as_text

_LONGEST = 300  # letters of a message that are shown
_OURS = str(Path(__file__).parents[2])
_STANDARD = sysconfig.get_paths()["stdlib"]


def one_line(text: str) -> str:
    r"""The text on one line, at most 300 letters; letters that cannot be shown are written out, as in ``\x1b``."""
    words = " ".join(as_text(text[: 20 * _LONGEST]).split())
    shown = "".join(letter if letter.isprintable() else _escaped(letter) for letter in words)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape", "surrogatepass").decode("ascii")


def a(value: object) -> str:
    """The type of a value with an article, such as ``an int`` or ``a Linear``."""
    if value is None:
        return "None"
    name = one_line(type(value).__name__)
    return f"{'an' if name[:1] in 'aeiouAEIOU' else 'a'} {name}"


def last_word(error: BaseException) -> str:
    """An error as text, such as ``RuntimeError: no such checkpoint (blocks.py, line 10)``.

    The place is the innermost one in the user's code.
    """
    if isinstance(error, SyntaxError):
        message, place = error.msg or "", (error.filename, error.lineno)
    else:
        message, place = _text(error), _place(error)
    said = one_line(f"{type(error).__name__}: {message}" if message else type(error).__name__)
    if not place[0]:
        return said
    return f"{said} ({one_line(Path(place[0]).name)}, line {place[1]})"


def _text(error: BaseException) -> str:
    try:
        return str(error).strip()
    except BaseException as second:  # noqa: BLE001 - the user's own __str__
        return f"its text cannot be shown ({type(second).__name__})"


def _place(error: BaseException) -> tuple[str | None, int | None]:
    """File and line of the innermost frame in the user's code; if there is none, in a package that it uses."""
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    foreign = [(file, line) for file, line in frames if not _is_machinery(file)]
    own = [(file, line) for file, line in foreign if not _is_installed(file)]
    places = own or foreign
    return places[-1] if places else (None, None)


def _is_machinery(file: str) -> bool:
    """Whether a file is ours, torch's or Python's."""
    if file.startswith(("<", _OURS)) or "torch" in _package(file):
        return True
    return file.startswith(_STANDARD) and not _is_installed(file)


def _package(file: str) -> tuple[str, ...]:
    """The names that follow ``site-packages`` in a path."""
    parts = Path(file).parts
    return tuple(after for before, after in pairwise(parts) if before in INSTALLED)


def _is_installed(file: str) -> bool:
    return bool(INSTALLED & set(Path(file).parts))


@contextmanager
def blamed(what: str = "", remedy: str = "") -> Iterator[None]:
    """Turn whatever the user's code raises inside into an error of one line.

    Args:
        what: the start of the line, such as ``layer 1 (Block)``.
        remedy: the end of the line.

    Raises:
        UsageError: The code raised something, even if it was ``SystemExit``.
        EnvironmentRefusedError: There was too little memory for the code.
    """
    try:
        yield
    except (InterruptedRunError, TerminatedRunError):
        raise
    except BaseException as error:  # noqa: BLE001 - what the user's code raises is for the user
        said = f"{last_word(error)}{hint(error)}{remedy}"
        text = f"{what}: {said}" if what else said
        if _is_memory(error):
            raise EnvironmentRefusedError(
                f"too little memory: {text}; use a smaller batch or model"
            ) from None
        raise UsageError(text) from None


def _is_memory(error: BaseException) -> bool:
    """Whether an error is for lack of memory, as Python or torch say it."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and "allocate memory" in _text(error)
    )


@contextmanager
def said_of(reference: str) -> Iterator[None]:
    """Put ``--model REFERENCE`` before the text of an error that is raised inside.

    Raises:
        UsageError: The error from inside, with that text before it.
    """
    try:
        yield
    except UsageError as error:
        raise UsageError(f"--model {one_line(reference)}: {error}") from None
