"""Signals during a run: the first one ends it in order, a later one at once.

What must not be cut in two (starting a process, writing a record) is done while signals are held. This thread's mask
holds them, and a process started meanwhile inherits it. The handler holds them too: the kernel gives a signal that this
thread blocks to any other one (that of a progress bar, or that watches GPUs), and Python runs its handler here at once.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import ClassVar

from pipebench.errors import ExitCode, InterruptedRunError, TerminatedRunError

# A terminal that is closed hangs up; Windows has no such signal.
_HANG_UP = (signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()
_ENDING = (signal.SIGINT, signal.SIGTERM, *_HANG_UP)
_IMPATIENT_S = 1.0  # an orderly end takes a third of that; a second signal counts only after this time


class _Hold:
    """How deep in ``held`` the main thread is, and the signals that came meanwhile."""

    depth = 0
    waiting: ClassVar[list[int]] = []


@contextmanager
def orderly_end() -> Iterator[None]:
    """Turn SIGINT, SIGTERM and SIGHUP into errors that end the run and keep its record; ``nohup`` is respected."""
    first_s: list[float] = []

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's signature
        if _Hold.depth:
            _Hold.waiting.append(number)
            return
        _Hold.waiting.clear()
        if not first_s:
            first_s.append(time.monotonic())
            if number == signal.SIGINT:
                raise InterruptedRunError("interrupted (Ctrl-C)")
            raise TerminatedRunError(f"terminated ({signal.Signals(number).name})")
        if time.monotonic() - first_s[0] > _IMPATIENT_S:
            # launches end with this process
            os._exit(ExitCode.INTERRUPTED if number == signal.SIGINT else ExitCode.TERMINATED)

    ignored = {number for number in _HANG_UP if signal.getsignal(number) == signal.SIG_IGN}
    before = {number: signal.signal(number, end) for number in _ENDING if number not in ignored}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if first_s else handler)  # the command is ending already


def ignore() -> None:
    """Let no further signal in: this process is ending, with an exit code that is to stay."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def held() -> Iterator[None]:
    """Let no ending signal in; one that comes meanwhile is delivered at the end.

    A process started in here inherits the hold: end it by SIGKILL.
    """
    _Hold.depth += 1
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        _Hold.depth -= 1
        if _Hold.waiting and not _Hold.depth:
            signal.raise_signal(_Hold.waiting[0])
