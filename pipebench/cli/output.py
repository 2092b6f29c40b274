"""Consoles: results on stdout, everything else on stderr; NO_COLOR, pipes and 80 columns are respected.

Printing raises nothing: a reader who has left, a full disk, or a letter that a stream's encoding does not have must not
cost a command the exit code that it has to give. What was lost is asked for at the end, by ``lost``.
"""

import codecs
import io
import json
import os
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipebench.render.inert import inert
from pipebench.system.names import as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TextIO

    from rich.console import Console, RenderableType

_USUAL_WIDTH, _LEAST_WIDTH = 80, 20
_DELETE = "\x7f"


def open_streams() -> None:
    r"""Make stdout and stderr write out what their encodings cannot show, as in ``\xe9``, whoever prints to them."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the caller
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, PTH123 - for the rest of the process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


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


def help_width() -> int | None:
    """The width of help that must not be laid out in columns, which would cut the options' names; else ``None``."""
    unknown = _width()
    width = unknown or shutil.get_terminal_size().columns
    return width if unknown or width < _USUAL_WIDTH else None


def _width() -> int | None:
    """80 if COLUMNS is too small to use (0 means unknown); else ``None``, and rich finds the width."""
    columns = os.environ.get("COLUMNS", "")
    return _USUAL_WIDTH if columns.isdecimal() and int(columns) < _LEAST_WIDTH else None


def print_report(build: "Callable[[Console], RenderableType]") -> None:
    """Print what ``build`` makes for stdout's console; outside a terminal without padding at line ends."""
    console = stdout()
    report = build(console)
    with _kept():
        if console.is_terminal:
            console.print(report, crop=False)
            return
        with console.capture() as captured:
            console.print(report, crop=False)
        _write("\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n")


def print_json(document: bytes) -> None:
    """Print a JSON document, and nothing else, to stdout; what a terminal might obey is escaped as JSON can.

    So is all that is not ASCII where stdout is not UTF-8: it is good JSON in whatever encoding it is read.
    """
    text = document.decode()
    if not text.isascii() or _DELETE in text:  # what else is not seen, JSON escapes itself
        plain = not _is_utf_8()
        text = "".join(
            letter
            if (letter.isprintable() and (letter.isascii() or not plain)) or letter == "\n"
            else _escaped(letter)
            for letter in text
        )
    _write(text)


def print_markup(text: str) -> None:
    """Print XML or HTML to stdout, with references for what is not ASCII where stdout is not UTF-8."""
    _write(text if _is_utf_8() else text.encode("ascii", "xmlcharrefreplace").decode())


def _is_utf_8() -> bool:
    return codecs.lookup(sys.stdout.encoding or "utf-8").name in {"utf-8", "utf-8-sig"}


def _escaped(letter: str) -> str:
    return "\\u007f" if letter == _DELETE else json.dumps(letter)[1:-1]


def print_text(text: str) -> None:
    r"""Print to stdout as it is; what the output cannot encode is written out, as in ``\xe9``."""
    _write(text)


def print_lines(rows: "Sequence[tuple[str, str]]") -> None:
    """Print names and what they stand for, which is never wrapped: it is there to be copied."""
    from pipebench.render.layout import NARROW

    width = stdout().width
    for name, text in rows:
        line = f"{name:<9}{inert(text)}"
        print_text(f"{name}\n{inert(text)}\n" if width < min(len(line), NARROW) else f"{line}\n")


def _write(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    text = text.encode(encoding, "backslashreplace").decode(encoding)
    with _kept():
        sys.stdout.write(text)
        sys.stdout.flush()


_lost: list[OSError] = []


def is_lost() -> bool:
    """Whether something printed to stdout was lost since ``lost`` was last called."""
    return bool(_lost)


def lost() -> OSError | None:
    """The first error that lost output since the last call, if any."""
    with _kept():
        sys.stdout.flush()
    first = _lost[0] if _lost else None
    _lost.clear()
    return first


@contextmanager
def _kept() -> "Iterator[None]":
    """Keep the error if stdout cannot be written, and drop what follows."""
    try:
        yield
    except OSError as error:
        _lost.append(error)
        discard(sys.stdout)


def discard(stream: "TextIO") -> None:
    """Drop all that goes to a stream from now on, and what is in its buffer."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def notice(text: str) -> None:
    """Print a line to stderr, if anybody reads it; whatever it holds does nothing."""
    annotate(inert(text))


def complain(text: str) -> None:
    """Print an error: one clear line on stderr, whatever the text holds."""
    notice(f"pipebench: error: {' '.join(line.strip() for line in text.splitlines() if line.strip())}")


def annotate(text: str) -> None:
    """Print a line to stderr that may be a command to the CI runner that reads the log."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        discard(sys.stderr)


def shown(path: Path) -> str:
    """A path for people: relative where it lies below the working folder."""
    return as_text(str(typed(path)))


def show_command(path: Path, *options: str) -> str:
    """The command that shows a record."""
    from pipebench.system.pasting import command, path_word

    return command("show", *options, path_word(typed(path)))


def typed(path: Path) -> Path:
    """A path as the user would type it: relative where it lies below the working folder."""
    try:
        return path.resolve().relative_to(Path.cwd())
    except (ValueError, OSError):  # elsewhere, or there is no working folder any more
        return path
