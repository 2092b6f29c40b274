"""How a process of a launch died, in words, from what it left behind and what the system counted meanwhile."""

import os
import resource
import signal
import sys
from pathlib import Path

from pipebench.errors import EnvironmentRefusedError
from pipebench.launching import messages
from pipebench.telemetry.starvation import processes_ended

_LOG_BYTES, _LINE = 1 << 16, 500

_LIMITS = {
    -signal.SIGXCPU: "the CPU time of a process is limited, raise that limit (ulimit -t)",
    -signal.SIGSYS: "a sandbox forbids a system call that pipebench or torch makes (seccomp)",
}


class Starvation:
    """Whether the kernel has ended processes for lack of memory since this was made; ``None`` if it does not tell."""

    def __init__(self) -> None:
        self._before = processes_ended()

    def seen(self) -> bool | None:
        """Whether the kernel has ended any by now; ``None`` if it does not tell."""
        now = processes_ended()
        return None if now is None or self._before is None else now > self._before


def limit(code: int, *, loaded: bool) -> str | None:
    """Why the system ended a process that died without a report; ``None`` if the system is not known to be the cause.

    Once pipebench and torch are loaded, a process reports its errors. So one that ended before could not load them.
    SIGKILL is the exception: anybody may send it at any time.

    Args:
        code: the exit code; below 0 it is the negative number of a signal.
        loaded: whether the process had loaded pipebench and torch.
    """
    if code in _LIMITS:
        return _LIMITS[code]
    if loaded or code == -signal.SIGKILL:
        return None
    return f"a fresh {sys.executable} cannot load pipebench and torch"


def check_folder() -> None:
    """Check that the current folder still exists: without it, nothing can be loaded or opened from there.

    Raises:
        EnvironmentRefusedError: The folder was removed.
    """
    try:
        os.getcwd()  # noqa: PTH109 - pathlib says the same, by this
    except OSError:
        raise EnvironmentRefusedError(
            "the current folder was removed meanwhile: start again in a folder that exists"
        ) from None


def end_of(log: Path) -> str:
    """The last 64 KiB that a process printed; all of it may not fit in memory."""
    with log.open("rb") as file:
        file.seek(-min(_LOG_BYTES, file.seek(0, os.SEEK_END)), os.SEEK_END)
        return file.read(_LOG_BYTES).decode(errors="replace")


def death(code: int, log: Path, starvation: Starvation) -> str:
    """One line on how a process died that reported no error."""
    tail = end_of(log).strip().splitlines()
    last = f"; its last output: {tail[-1][-_LINE:]}" if tail else ""
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}{_hint(-code, starvation)}{last}"
    return f"exited with {code}{' before it was done' if code == 0 else ''}{last}"


def told(failed: messages.Failed) -> str:
    """The error that a process reported, with its place in the code if there is one."""
    frames = [line.strip() for line in failed.traceback.splitlines() if line.lstrip().startswith("File ")]
    place = f" ({frames[-1]})" if frames else ""
    return f": {failed.cause}{place}"


def _hint(number: int, starvation: Starvation) -> str:
    """What is known about the cause of a signal."""
    if number == signal.SIGILL:
        return " (this build of torch may use instructions that this processor does not have)"
    if number != signal.SIGKILL:
        return ""
    starved = starvation.seen()
    if starved:
        return " (the kernel ended processes for lack of memory meanwhile: use smaller sizes)"
    _, most_s = resource.getrlimit(resource.RLIMIT_CPU)
    limited = most_s != resource.RLIM_INFINITY
    by_time = f"by the limit of {most_s} s of CPU time (ulimit -t), or " if limited else ""
    if starved is None:
        return f" ({by_time}for lack of memory? use smaller sizes)"
    return f" ({by_time}by another process: the kernel has ended none for lack of memory)"
