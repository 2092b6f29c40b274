"""What a side's interpreter answers: its whole output, within limits of size and time.

It is started with signals held, so that Ctrl-C reaches it only through us. It is killed when we end, however we end.
"""

import os
import re
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Protocol

from pipebench.errors import EnvironmentRefusedError
from pipebench.system import leash, signals

_ANSWER_BYTES = 1 << 24  # of an answer; the longest is a plan on paper
_ERROR_BYTES = 1 << 16  # of its errors, of which the last lines are shown
_LOOK_S = 3600.0  # the longest wait at a time
# An error, behind what a launcher puts before a rank's lines. Torchrun's own last line only says that a rank failed.
_ERROR = re.compile(
    r"(?P<rank>(\[[\w ]+\]:? ?)*)(?!\S*ChildFailedError)(Fatal Python error|[\w.]*(Error|Exception)\b)"
)
_LOST = re.compile(
    r"\bconnection\b.*\b(closed|reset|refused|lost|aborted)|\bby peer\b|broken pipe|ConnectionResetError|"
    r"socket timeout|timed? ?out waiting|ncclRemoteError|remote process|DistNetworkError|EOFError",
    re.IGNORECASE,
)
_WARNING = re.compile(r"\bwarn(ing)?\b|Warning\b", re.IGNORECASE)
_CRASH = re.compile(
    r"^(\S+: )*(line \d+: +\d+ )?(Segmentation fault|Bus error|Aborted|Killed|Illegal instruction|"
    r"Floating point exception)\b|\(core dumped\)$",
    re.IGNORECASE,
)
_COLOUR = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_LONGEST = 300  # characters of a line that is shown


class Asked(Protocol):
    """The side that is asked."""

    @property
    def label(self) -> str:
        """A or B."""

    @property
    def text(self) -> str:
        """What it is, for people."""

    @property
    def python(self) -> str:
        """Its interpreter."""

    @property
    def folder(self) -> Path | None:
        """Where its processes run, if not here."""

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its processes."""


_AS_UTF_8 = {"PYTHONIOENCODING": "utf-8:surrogateescape"}  # we read it, whatever our own streams are


@dataclass(frozen=True)
class Ended:
    """A process that has ended; ``stderr`` is the end of its errors."""

    returncode: int
    stdout: bytes
    stderr: bytes


def ended(
    side: Asked,
    arguments: Sequence[str],
    *,
    most: int = _ANSWER_BYTES,
    within_s: float = inf,
    **variables: str,
) -> Ended:
    """Run the side's interpreter until it ends, until we end, or until it has printed or taken too much.

    ``-P`` keeps it from importing modules of the user's folder.

    Raises:
        EnvironmentRefusedError: It cannot be started, prints too much, or takes too long.

    """
    tied = [sys.executable, "-I", leash.__file__, str(os.getpid())]
    environment = side.environment | _AS_UTF_8 | variables
    with _running([*tied, side.python, "-P", *arguments], environment, side.folder) as process:
        try:
            stdout, stderr = _printed(process, most, time.monotonic() + within_s)
        except TimeoutError:
            raise EnvironmentRefusedError(
                f"side {side.label} ({side.text}): {side.python} did not answer within {within_s:g} s: "
                "expected a Python with pipebench"
            ) from None
    if len(stdout) > most:
        raise EnvironmentRefusedError(
            f"side {side.label} ({side.text}): {side.python} prints without end: expected a Python with pipebench"
        )
    if process.returncode == leash.CANNOT:
        raise EnvironmentRefusedError(f"side {side.label} ({side.text}): {side.python} {last_line(stderr)}")
    return Ended(process.returncode, stdout, stderr)


def _printed(process: "subprocess.Popen[bytes]", most: int, deadline: float) -> tuple[bytes, bytes]:
    """All output of a process, or the first bytes if there are more than ``most``, and the end of its errors.

    Raises:
        TimeoutError: It has not ended by ``deadline``, on the ``time.monotonic`` clock.
    """
    assert process.stdout is not None
    assert process.stderr is not None
    output, errors = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, output)
        selector.register(process.stderr, selectors.EVENT_READ, errors)
        while selector.get_map() and len(output) <= most:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            for key, _ in selector.select(min(left_s, _LOOK_S)):
                data = os.read(key.fd, 1 << 16)
                if not data:
                    selector.unregister(key.fileobj)
                key.data.extend(data)
            del errors[:-_ERROR_BYTES]
    if len(output) <= most:
        process.wait()
    return bytes(output), bytes(errors)


@contextmanager
def _running(
    command: Sequence[str], environment: Mapping[str, str], folder: Path | None
) -> "Iterator[subprocess.Popen[bytes]]":
    process = None
    try:
        with signals.held():
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(environment),
                cwd=folder,
            )
        yield process
    except OSError as error:
        raise EnvironmentRefusedError(f"{command[0]}: cannot be started ({error.strerror})") from None
    finally:
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdout, process.stderr):
                assert pipe is not None
                pipe.close()


def telling_line(text: bytes) -> str:
    """The last line that names an error, else the last line; a Python that cannot start goes on about its threads.

    If several ranks name an error, the first such line counts. Lines that only say that a rank has lost another one
    count only if there are no others. If the last line says that the process crashed, it is that line.
    """
    lines = [readable(line) for line in text.decode(errors="replace").splitlines()]
    last = next((line for line in reversed(lines) if any(map(str.isalnum, line))), "")
    if _CRASH.search(last):
        return last
    named = [(line, found) for line in lines if (found := _ERROR.match(line)) and not _WARNING.search(line)]
    named = [each for each in named if not _LOST.search(each[0])] or named
    if named:
        return next((line for line, found in named if found["rank"]), named[-1][0])
    return last or readable(last_line(text))


def readable(line: str) -> str:
    """A line that is fit to be shown: without control sequences, and cut if it is long."""
    seen = "".join(filter(str.isprintable, _COLOUR.sub("", line.replace("\t", " ")))).strip()
    return seen if len(seen) <= _LONGEST else f"{seen[:_LONGEST]}..."


def last_line(text: bytes) -> str:
    """The last line, empty if there is none."""
    lines = text.decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else ""
