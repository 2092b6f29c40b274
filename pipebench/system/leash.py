"""Ties a process to the one that started it: when that is killed, the process is killed too.

When ``ab`` or a run is killed (by a CI job's time limit, or for lack of memory), nothing is left to end what it
started, which would go on measuring on devices that the next job wants. The kernel's order to kill survives ``exec``.
So this file as a script, ``python leash.py PARENT COMMAND ...``, becomes a command that is tied. Only Linux has it.
"""

import ctypes
import os
import signal
import sys

CANNOT = 126  # a shell's exit code for a command that is there but does not start
_PR_SET_PDEATHSIG = 1


def tie_to(parent: int) -> None:
    """Have this process killed when ``parent`` is gone, and end it now if that is so already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def main() -> None:
    """Tie this process to the parent, and become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    tie_to(parent)
    try:
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.stderr.write(f"cannot be started ({error.strerror})\n")
        os._exit(CANNOT)


if __name__ == "__main__":
    main()
