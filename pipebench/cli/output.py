"""Consoles: results on stdout, everything else on stderr; NO_COLOR, pipes and 80 columns are respected.

Printing raises nothing: a reader who has left, or a full disk, must not cost a command the exit code that it has to
give. What was lost is asked for at the end, by ``lost``.
"""

import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipebench.render.inert import inert

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

    from rich.console import Console, RenderableType

_USUAL_WIDTH, _LEAST_WIDTH = 80, 20
_DELETE = "\x7f"


def stdout() -> "Console":
    """Where results go. A pipe is 80 columns wide unless COLUMNS says otherwise."""
    from rich.console import Console

    class Stdout(Console):
        def on_broken_pipe(self) -> None:
            """Rich would end the program with 1."""
            raise BrokenPipeError

    return Stdout(highlight=False, width=_width())


def stderr() -> "Console":
    """Where progress, notices and warnings go."""
    from rich.console import Console

    class Stderr(Console):
        def on_broken_pipe(self) -> None:
            """Nobody reads the progress any more, which ends no measurement."""
            self.quiet = True

    return Stderr(stderr=True, highlight=False, width=_width())


def _width() -> int | None:
    """The width where COLUMNS is too little for a word (0 says that it is unknown); else rich finds it."""
    columns = os.environ.get("COLUMNS", "")
    return _USUAL_WIDTH if columns.isdecimal() and int(columns) < _LEAST_WIDTH else None


def print_report(build: "Callable[[Console], RenderableType]") -> None:
    """Print what ``build`` makes for stdout's console; outside a terminal without padding at line ends."""
    console = stdout()
    report = build(console)
    with _kept():
        if console.is_terminal:
            console.print(report)
            return
        with console.capture() as captured:
            console.print(report)
        _write("\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n")


def print_json(document: bytes) -> None:
    """Print a JSON document, and nothing else, to stdout; what a terminal might obey is escaped as JSON can."""
    text = document.decode()
    if not text.isascii() or _DELETE in text:  # what else is not seen, JSON escapes itself
        text = "".join(
            letter if letter.isprintable() or letter == "\n" else _escaped(letter) for letter in text
        )
    _write(text)


def _escaped(letter: str) -> str:
    return "\\u007f" if letter == _DELETE else json.dumps(letter)[1:-1]


def print_text(text: str) -> None:
    r"""Print to stdout as it is; what the output cannot encode is written out, as in ``\xe9``."""
    encoding = sys.stdout.encoding or "utf-8"
    _write(text.encode(encoding, "backslashreplace").decode(encoding))


def _write(text: str) -> None:
    with _kept():
        sys.stdout.write(text)
        sys.stdout.flush()


_lost: list[OSError] = []


def lost() -> OSError | None:
    """Why something that was printed to stdout since this was asked did not get there, if that is so."""
    with _kept():
        sys.stdout.flush()
    first = _lost[0] if _lost else None
    _lost.clear()
    return first


@contextmanager
def _kept() -> "Iterator[None]":
    """Keep why stdout cannot be written; what is left for it goes nowhere."""
    try:
        yield
    except OSError as error:
        _lost.append(error)
        discard(sys.stdout)


def discard(stream: "TextIO") -> None:
    """From now on what goes to a stream goes nowhere, what is in its buffer too."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def notice(text: str) -> None:
    """Print a line to stderr, if anybody reads it; whatever it holds does nothing."""
    annotate(inert(text))


def annotate(text: str) -> None:
    """Print a line to stderr that may be a command to the CI runner that reads the log."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        discard(sys.stderr)


def shown(path: Path) -> str:
    """A path as the user would type it: relative where it lies below the working folder."""
    from pipebench.records.store import path_text

    try:
        return path_text(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return path_text(path)
