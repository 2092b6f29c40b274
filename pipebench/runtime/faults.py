"""Faults on demand, so that the tests of exit codes meet real ones: ``PIPEBENCH_INJECT=kill@timed:1``.

    mismatch, nan           what verification must find
    raise, memory, leave,   how a process can end before its time: ``@start``, ``@warm-up`` or ``@timed``,
    exit, kill, hang        of rank 0 or, with ``:RANK`` at the end, of another one

A run with a fault fails, so no figure can come of one. ``PIPEBENCH_INJECT_CLOCK`` names a file that gets the
time at which it happened.
"""

import os
import signal
import time
from pathlib import Path

VARIABLE = "PIPEBENCH_INJECT"
_CLOCK = "PIPEBENCH_INJECT_CLOCK"


def injected(fault: str) -> bool:
    """Whether this fault was asked for."""
    return os.environ.get(VARIABLE) == fault


def happen(where: str, rank: int) -> None:
    """Break here if that was asked for."""
    fault, _, place = os.environ.get(VARIABLE, "").partition("@")
    if place not in ({where, f"{where}:0"} if rank == 0 else {f"{where}:{rank}"}):
        return
    if _CLOCK in os.environ:
        Path(os.environ[_CLOCK]).write_text(repr(time.time()))
    if fault == "raise":
        raise RuntimeError(f"injected at {where}")
    if fault == "memory":
        raise MemoryError
    if fault in ("leave", "exit"):
        os._exit(0 if fault == "leave" else 7)
    if fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    while fault == "hang":
        pass
