"""Work of this process that may take long: the user is told what it is, and the deadline ends it.

The launcher watches what a launch does. This is for what comes before: reading a text, trying a plan on paper. An alarm
of the system interrupts it, so that even waiting for a pipe without a writer ends.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from pipebench.errors import DeadlineError

_LONG_S = 2.0  # after that a phase is told
_TICK_S, _AGAIN_S = 0.25, 1.0
_LEAST_S = 0.001  # an alarm after 0 s never rings


class Phases:
    """What is being done, told once it takes long.

    Args:
        tell: takes the name of a phase.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell, self._doing, self._told, self._began = tell, "starting", False, time.monotonic()

    def __call__(self, doing: str) -> None:
        """Begin another phase."""
        self._doing, self._told, self._began = doing, False, time.monotonic()

    @property
    def doing(self) -> str:
        """The name of the phase."""
        return self._doing

    def look(self) -> None:
        """Tell the phase if it takes long."""
        if not self._told and time.monotonic() - self._began >= _LONG_S:
            self._told = True
            self._tell(self._doing)


@contextmanager
def supervised(deadline: float, tell: Callable[[str], None]) -> Iterator[Phases]:
    """End the block at ``deadline`` (on the ``time.monotonic`` clock), and tell of phases that take long.

    Yields an object to call with the name of each phase. Only the main thread has an alarm: in others nothing is ended.

    Raises:
        DeadlineError: The deadline passed; the text names the phase.
    """
    phases = Phases(tell)
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield phases
        return

    over = False

    def ring(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's signature
        if over:
            return
        left_s = deadline - time.monotonic()
        # again in any case: an error that is raised in a finalizer is lost
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_S if left_s <= 0 else max(min(left_s, _TICK_S), _LEAST_S))
        if left_s <= 0:
            raise DeadlineError(
                f"the deadline passed while {phases.doing}: give more time with --deadline, or do less"
            )
        phases.look()

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, max(min(deadline - time.monotonic(), _TICK_S), _LEAST_S))
        try:
            yield phases
        finally:
            over = True
    finally:
        over = True  # an alarm may have come first
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
