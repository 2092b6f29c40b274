"""How a process of a launch died, in words: what it left behind, and what the system counted meanwhile."""

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
        """Ask again."""
        now = processes_ended()
        return None if now is None or self._before is None else now > self._before


def limit(code: int, *, loaded: bool) -> str | None:
    """What the system held against a process that died without a last word, if it was the system's doing.

    A Python that ends before it is there has not begun: whatever goes wrong later, it reports. Only the end by SIGKILL
    is the same at all times, and may be anybody's.

    Args:
        code: that it ended with, the signal's number below 0.
        loaded: whether it had loaded pipebench and torch.
    """
    if code in _LIMITS:
        return _LIMITS[code]
    if loaded or code == -signal.SIGKILL:
        return None
    return f"a fresh {sys.executable} cannot load pipebench and torch"


def check_folder() -> None:
    """Refuse what broke because the current folder was removed: nothing can be loaded or opened from it any more.

    Raises:
        EnvironmentRefusedError: It is gone.
    """
    try:
        os.getcwd()  # noqa: PTH109 - pathlib says the same, by this
    except OSError:
        raise EnvironmentRefusedError(
            "the current folder was removed meanwhile: start again in one that is there"
        ) from None


def end_of(log: Path) -> str:
    """What a process printed last; it may have printed more than fits in memory."""
    with log.open("rb") as file:
        file.seek(-min(_LOG_BYTES, file.seek(0, os.SEEK_END)), os.SEEK_END)
        return file.read(_LOG_BYTES).decode(errors="replace")


def death(code: int, log: Path, starvation: Starvation) -> str:
    """One line on how a process died without a last word."""
    tail = end_of(log).strip().splitlines()
    last = f"; its last output: {tail[-1][-_LINE:]}" if tail else ""
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}{_hint(-code, starvation)}{last}"
    return f"exited with {code}{' before it was done' if code == 0 else ''}{last}"


def told(failed: messages.Failed) -> str:
    """A process's own last word, with the place in the code where there is one."""
    frames = [line.strip() for line in failed.traceback.splitlines() if line.lstrip().startswith("File ")]
    place = f" ({frames[-1]})" if frames else ""
    return f": {failed.cause}{place}"


def _hint(number: int, starvation: Starvation) -> str:
    """What is known of who sent such a signal."""
    if number == signal.SIGILL:
        return " (has this processor all that this build of torch asks for?)"
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
