"""The record of a run that did not complete, with figures if they can be computed soon."""

import time
from collections.abc import Callable

from pipebench.errors import DeadlineError
from pipebench.records.run import EndedEarly
from pipebench.records.schema import Ending, Failure
from pipebench.run.recording import ended_record
from pipebench.run.so_far import SoFar
from pipebench.system.supervision import supervised

_PATIENCE_S = 2.0


def ended_in_time(so_far: SoFar, status: Ending, failure: Failure, tell: Callable[[str], None]) -> EndedEarly:
    """Everything so far as a record. Figures that take long are left out: a plan can be large.

    Args:
        so_far: what was measured.
        status: how it ended.
        failure: why.
        tell: hears what takes long.
    """
    try:
        with supervised(time.monotonic() + _PATIENCE_S, tell):
            return ended_record(so_far, status, failure)
    except DeadlineError:
        return ended_record(so_far, status, failure, figures=False)


def rescued(so_far: SoFar, bug: Failure, tell: Callable[[str], None]) -> EndedEarly:
    """Like ``ended_in_time``, after a bug of ours, which may lie in the figures themselves."""
    try:
        return ended_in_time(so_far, "failed", bug, tell)
    except Exception:  # noqa: BLE001 - the figures may be the bug itself
        return ended_record(so_far, "failed", bug, figures=False)
