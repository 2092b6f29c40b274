"""Ties a command to the process that started it: ``python -P leash.py PARENT COMMAND ...`` becomes the command.

When ``ab`` is killed (the end of a CI job's patience, the out-of-memory killer) nobody is left to end its run, which
would go on measuring on devices that the next job wants. The kernel's order to kill survives ``exec``. Only Linux has
it; elsewhere the command is just started.
"""

import ctypes
import os
import signal
import sys

CANNOT = 126  # as a shell says of a command that is there and does not start
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Set the order, and become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)  # it was gone before the order stood
    try:
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.stderr.write(f"cannot be started ({error.strerror})\n")
        os._exit(CANNOT)


if __name__ == "__main__":
    main()
