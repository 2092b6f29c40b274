"""The launcher: starts one fresh interpreter, listens to it, and ends it whatever happens.

Imports no torch, so it can act within milliseconds of a signal. The child gets a session of its own (a
terminal's Ctrl-C reaches the launcher only), a pipe as standard input that ends with the launcher, and a
pipe to report on.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import msgspec

from pipebench.errors import DeadlineError, RunFailedError
from pipebench.runtime import messages, process


class Launcher:
    """Runs jobs one at a time until ``deadline`` (on the ``time.monotonic`` clock)."""

    def __init__(self, *, deadline: float) -> None:
        self.deadline = deadline

    def run(self, job: messages.Job) -> Generator[messages.AnyMessage, None, None]:
        """Start a launch and yield what it reports; it has ended when this generator has.

        Raises:
            RunFailedError: It broke or died.
            DeadlineError: The deadline passed.
        """
        with tempfile.TemporaryDirectory(prefix="pipebench-") as folder:
            path = Path(folder) / "job.msgpack"
            path.write_bytes(msgspec.msgpack.encode(job))
            with (Path(folder) / "log").open("w+b") as log:
                yield from self._run(path, log.fileno(), Path(log.name))

    def _run(self, job: Path, log: int, log_path: Path) -> Generator[messages.AnyMessage, None, None]:
        reading, writing = os.pipe()
        child = None
        try:
            with _signals_held():
                child = _start(job, writing, log)
            os.close(writing)
            writing = -1
            for line in self._lines(reading):
                message = msgspec.json.decode(line, type=messages.AnyMessage)
                if isinstance(message, messages.Failed):
                    raise RunFailedError(_with_traceback(message))
                yield message
            code = child.wait()
            if code:
                raise RunFailedError(_death(code, log_path))
        finally:
            os.close(reading)
            if writing >= 0:
                os.close(writing)
            if child is not None:
                _end(child)

    def _lines(self, reading: int) -> Iterator[bytes]:
        """Complete lines until the child closes its end."""
        buffer = b""
        with selectors.DefaultSelector() as selector:
            selector.register(reading, selectors.EVENT_READ)
            while True:
                left = self.deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    raise DeadlineError("the deadline passed: give more time with --deadline, or do less")
                data = os.read(reading, 1 << 16)
                if not data:
                    return
                *lines, buffer = (buffer + data).split(b"\n")
                yield from lines


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Let no signal in between starting a child and knowing it.

    The child inherits the hold, and is only ever killed.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(job: Path, messages_to: int, log: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "pipebench.runtime.launch", str(job), str(messages_to), str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        env=process.start_environment(),
        pass_fds=[messages_to],
        start_new_session=True,
    )


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Kill the child and whatever it started, and wait until it is gone."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    if child.stdin is not None:
        child.stdin.close()


def _death(code: int, log: Path) -> str:
    """One line on how a launch died without a last word."""
    tail = log.read_text(errors="replace").strip().splitlines()
    last = f"; its last output: {tail[-1]}" if tail else ""
    if code < 0:
        name = signal.Signals(-code).name
        hint = " (out of memory? use smaller sizes)" if name == "SIGKILL" else ""
        return f"the launch was killed by {name}{hint}{last}"
    return f"the launch exited with {code}{last}"


def _with_traceback(message: messages.Failed) -> str:
    if not message.traceback:
        return message.cause
    frames = [line.strip() for line in message.traceback.splitlines() if line.lstrip().startswith("File ")]
    return f"{message.cause} ({frames[-1]})" if frames else message.cause
