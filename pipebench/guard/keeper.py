"""Stands between ``guard`` and a command. When the command ends or ``guard`` is gone, it ends all that was started.

    python keeper.py OUTPUT COMMAND ...        OUTPUT: the file descriptor that is the command's stdout

It writes to stdout: ``started 4711``, the command's process and group; then how the command ended, ``exit 3`` or
``signal 9``. If the command cannot be started, it writes only ``cannot`` with the reason. stdin is never read: its end
tells that ``guard`` wants an end, or was killed. If the keeper itself is killed, the kernel kills the command (Linux),
and ``guard`` kills its group.

A launcher's workers are in sessions of their own, so no process group has them all. On Linux orphans come to this
process, and it finds them; elsewhere it ends the command's own group.

This is a script. It imports nothing of pipebench, since the interpreter's search path is not the user's.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_PATIENCE_S = 1.0  # from SIGTERM to SIGKILL
_LOOK_S = 0.01
_LAST_S = 5.0  # after SIGKILL: what is left then cannot be ended
_LINUX = sys.platform == "linux"
_LIBRARY = ctypes.CDLL(None) if _LINUX else None  # loaded before any child is between fork and exec


def main() -> None:
    """Run the command, and say how it ended."""
    output, command = int(sys.argv[1]), sys.argv[2:]
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # we were started with signals held
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    woken = _woken_by(signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            start_new_session=True,
            preexec_fn=_tied(os.dup(1)),  # noqa: PLW1509 - we have one thread
        )
    except (OSError, ValueError) as error:
        sys.stdout.write(f"cannot {getattr(error, 'strerror', None) or error}\n")
        return
    os.close(output)
    family = Family(process.pid)
    family.wait(woken)
    family.end()
    status = family.status
    if status is not None:
        process.returncode = status  # it was waited for
        sys.stdout.write(f"{'exit' if status >= 0 else 'signal'} {abs(status)}\n")


def _tied(told: int) -> Callable[[], None]:
    """What the process does before it becomes the command: it tells its number, since it may kill us at once."""

    def tie() -> None:
        os.write(told, f"started {os.getpid()}\n".encode())
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    return tie


def _prctl(what: int, value: int) -> None:
    """Ask the kernel for something that only Linux has."""
    if _LIBRARY is not None:
        _LIBRARY.prctl(what, value, 0, 0, 0)


def _woken_by(*numbers: signal.Signals) -> int:
    """A file descriptor that can be read when one of the signals comes."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    for number in numbers:
        signal.signal(number, lambda *_: None)
    return reader


class Family:
    """The command and all that it started.

    Args:
        child: the command's process.
    """

    def __init__(self, child: int) -> None:
        self.child = child
        self.status: int | None = None

    def wait(self, woken: int) -> None:
        """Wait until the command has ended, or is to be ended."""
        while not self.reap():
            ready, _, _ = select.select([0, woken], [], [])
            if 0 in ready or set(os.read(woken, 1024)) - {signal.SIGCHLD}:
                return

    def end(self) -> None:
        """Ask all processes that are left to end, and kill them soon after."""
        asked: set[int] = set()
        begun_s = time.monotonic()
        while (left := self.left()) and time.monotonic() - begun_s < _PATIENCE_S + _LAST_S:
            patient = time.monotonic() - begun_s < _PATIENCE_S
            for process in left - asked if patient else left:
                self._signal(process, signal.SIGTERM if patient else signal.SIGKILL)
            asked |= left
            time.sleep(_LOOK_S)

    def left(self) -> set[int]:
        """The processes that have not ended."""
        self.reap()
        if _LINUX:
            return set(_descendants())
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.child, 0)
            return {self.child}
        return set()

    def reap(self) -> bool:
        """Collect ended children; return whether the command has ended."""
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self.child:
                    self.status = os.waitstatus_to_exitcode(ended[1])
        return self.status is not None

    def _signal(self, process: int, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            if _LINUX:
                os.kill(process, number)
            else:
                os.killpg(process, number)


def _descendants() -> Iterator[int]:
    """All processes below this one that have not ended."""
    children: dict[int, list[int]] = {}
    ended = set()
    for name in filter(str.isdecimal, os.listdir("/proc")):  # noqa: PTH208 - names alone
        with suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123 - at once
            state, parent = file.read().rpartition(b")")[2].split()[:2]
            children.setdefault(int(parent), []).append(int(name))
            if state in b"ZX":
                ended.add(int(name))
    queue = list(children.get(os.getpid(), ()))
    for process in queue:
        queue += children.get(process, ())
        if process not in ended:
            yield process


if __name__ == "__main__":
    main()
