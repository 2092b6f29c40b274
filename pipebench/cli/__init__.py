"""The ``pipebench`` command: parse, call one function, print; no logic."""

import signal
import threading

# Ctrl-C while modules load ends the program at once, without their traceback.
_loads = (
    threading.current_thread() is threading.main_thread()
    and signal.getsignal(signal.SIGINT) is signal.default_int_handler
)
if _loads:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from pipebench.cli.main import main  # noqa: E402 - loads all that a command line needs

if _loads:
    signal.signal(signal.SIGINT, signal.default_int_handler)

__all__ = ["main"]
