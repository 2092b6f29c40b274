"""Signals during a run: the first one ends it in order, a second Ctrl-C at once."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from pipebench.errors import ExitCode, InterruptedRunError, TerminatedRunError


@contextmanager
def orderly_end() -> Iterator[None]:
    """Turn SIGINT and SIGTERM into errors that end the run and keep its record."""
    seen = []

    def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's signature
        seen.append(number)
        if len(seen) > 1:
            os._exit(ExitCode.INTERRUPTED)  # launches end with this process
        if number == signal.SIGINT:
            raise InterruptedRunError("interrupted (Ctrl-C)")
        raise TerminatedRunError("terminated (SIGTERM)")

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
