"""Runs a command until it ends, or we do: its output in pieces, its errors in a file.

It is started with signals held, so that Ctrl-C reaches it only through us. A keeper stands between, which ends the
command and all that it started, however we end.
"""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from pipebench.errors import EnvironmentRefusedError, RunFailedError
from pipebench.guard import keeper
from pipebench.system import signals

_PIECE = 1 << 16
_LOOK_S = 3600.0  # the longest wait at a time
_KEEPER_S = 10.0  # for the keeper to end all processes
_ENDS = {"exit", "signal"}  # the keeper's words for them
_REST_S = 1.0  # for what is still in the pipe


def run(
    command: Sequence[str],
    take: Callable[[bytes], None],
    *,
    folder: Path,
    environment: Mapping[str, str],
    errors: IO[bytes],
    within_s: float,
) -> int:
    """Run the command; its exit code, or minus the signal that killed it.

    Args:
        command: program and arguments.
        take: is given each piece of its output.
        folder: where it runs.
        environment: the variables of it and of all that it starts.
        errors: where its stderr goes.
        within_s: how long it may take.

    Raises:
        TimeoutError: It has not ended within that time.
        RunFailedError: Its keeper was killed.
        EnvironmentRefusedError: The system cannot start it.
    """
    until_s, told = time.monotonic() + within_s, bytearray()
    with _kept(command, folder, environment, errors, told) as (process, reader):
        _listened(process, reader, take, told, until_s)
    words = _words(told)
    if "cannot" in words:
        raise EnvironmentRefusedError(f"{command[0]}: cannot be started ({words['cannot']})")
    if not words.keys() & _ENDS:
        raise RunFailedError(
            f"{command[0]}: its keeper, the pipebench process that starts it and ends all of it, was killed: "
            "do not kill processes that the command did not start"
        )
    return int(words["exit"]) if "exit" in words else -int(words["signal"])


def _words(told: bytes | bytearray) -> dict[str, str]:
    """What the keeper has said, by its first word."""
    lines = told.decode("utf-8", "replace").splitlines()
    return {word: rest for word, _, rest in (line.partition(" ") for line in lines)}


def _listened(
    process: "subprocess.Popen[bytes]",
    reader: int,
    take: Callable[[bytes], None],
    told: bytearray,
    until_s: float,
) -> None:
    """Hand on all output until the command has ended; ``told`` takes what the keeper says."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(reader, selectors.EVENT_READ)
        selector.register(process.stdout, selectors.EVENT_READ)
        while process.stdout.fileno() in selector.get_map():
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            for key, _ in selector.select(min(left_s, _LOOK_S)):
                data = os.read(key.fd, _PIECE)
                if not data:
                    selector.unregister(key.fileobj)
                elif key.fd == reader:
                    take(data)
                else:
                    told += data
        if reader in selector.get_map():
            _take_rest(reader, take)


def _take_rest(reader: int, take: Callable[[bytes], None]) -> None:
    """Take what is in the pipe after the end; a process that got away may hold it open, and is not waited for."""
    os.set_blocking(reader, False)
    until_s = time.monotonic() + _REST_S
    with suppress(BlockingIOError):
        while (data := os.read(reader, _PIECE)) and time.monotonic() < until_s:
            take(data)


@contextmanager
def _kept(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    errors: IO[bytes],
    told: bytearray,
) -> "Iterator[tuple[subprocess.Popen[bytes], int]]":
    """The command's keeper and its output, as a context; at its end nothing of the command is left."""
    with ExitStack() as ends:
        try:
            with signals.held():
                process, reader = _started(command, folder, environment, errors)
                ends.callback(os.close, reader)
                ends.callback(_end, process, told)
        except OSError as error:
            raise EnvironmentRefusedError(f"{command[0]}: cannot be started ({error.strerror})") from None
        yield process, reader


def _started(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], errors: IO[bytes]
) -> "tuple[subprocess.Popen[bytes], int]":
    """The keeper's process, and where the command's output can be read."""
    reader, output = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", keeper.__file__, str(output), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=folder,
            env=dict(environment),
            pass_fds=[output],
            start_new_session=True,
        )
    except BaseException:
        os.close(reader)
        raise
    finally:
        os.close(output)
    return process, reader


def _end(process: "subprocess.Popen[bytes]", told: bytearray) -> None:
    """Let the keeper end the command, if that has not happened yet; without a keeper its group is killed."""
    assert process.stdin is not None
    assert process.stdout is not None
    with signals.held():
        process.stdin.close()
        try:
            process.wait(_KEEPER_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        words = _words(told + (process.stdout.read() or b""))
        process.stdout.close()
        if "started" in words and not words.keys() & {"cannot", *_ENDS}:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(int(words["started"]), signal.SIGKILL)
