"""Faults on demand, so that the tests of exit codes meet real ones: ``PIPEBENCH_INJECT=kill@timed``.

    mismatch, nan        what verification must find
    raise, exit, kill,   how a launch can end before its time, ``@start`` or ``@timed``
    hang, memory

A run with a fault fails, so no figure can come of one.
"""

import os
import signal
import time

VARIABLE = "PIPEBENCH_INJECT"


def injected(fault: str) -> bool:
    """Whether this fault was asked for."""
    return os.environ.get(VARIABLE) == fault


def happen(where: str) -> None:
    """Break here if that was asked for."""
    if injected(f"raise@{where}"):
        raise RuntimeError(f"injected at {where}")
    if injected(f"memory@{where}"):
        raise MemoryError
    if injected(f"exit@{where}"):
        os._exit(7)
    if injected(f"kill@{where}"):
        os.kill(os.getpid(), signal.SIGKILL)
    while injected(f"hang@{where}"):
        time.sleep(1)
