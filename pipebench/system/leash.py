"""Ties a process to the one that started it: whoever is killed takes it along.

When ``ab`` or a run is killed (the end of a CI job's patience, the out-of-memory killer) nobody is left to end what it
started, which would go on measuring on devices that the next job wants. The kernel's order to kill survives ``exec``,
so that as a script, ``python leash.py PARENT COMMAND ...``, this becomes a command that is tied. Only Linux has it.
"""

import ctypes
import os
import signal
import sys

CANNOT = 126  # as a shell says of a command that is there and does not start
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
