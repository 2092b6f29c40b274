"""Faults on demand, so that the tests of exit codes meet real ones: ``PIPEBENCH_INJECT=kill@timed:1``.

    mismatch, nan           what verification must find
    wrong@TENSOR            the pipeline's gradient of this parameter is 0 where it is verified, as if it were lost
    raise, memory, leave,   how a process can end before its time: ``@start``, ``@warm-up`` or ``@timed``,
    exit, kill, hang        of rank 0 or, with ``:RANK`` at the end, of another one; of real ranks also in an action,
                            such as ``@2F0:2``, the first time
    clock@RANK:SECONDS      the clock of a rank's process is ahead by so much, and gains a fiftieth of a per cent
    slow@stage:STAGE        every action of an emulated stage burns 10 % more CPU time, or with ``:PERCENT`` at the
                            end so much more

A run with a fault fails, so no figure can come of one; a slow one does not, nor does one whose lost gradient is too
small to be missed, and its record says so in a warning.
``PIPEBENCH_INJECT_CLOCK`` names a file that gets the time at which it happened.
"""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from pipebench.launching.phases import Phase
from pipebench.records.schema import WarningRecord
from pipebench.warning_codes import WarningCode

VARIABLE = "PIPEBENCH_INJECT"
_CLOCK = "PIPEBENCH_INJECT_CLOCK"
_SLOWER = 0.1
_GAIN = 2e-4  # of a clock that is wrong


def injected(fault: str) -> bool:
    """Whether this fault was asked for."""
    return os.environ.get(VARIABLE) == fault


def happen(phase: Phase, rank: int) -> None:
    """Break at this point of a launch if that was asked for."""
    if _asked_for(phase, rank):
        _break(phase)


def _break(where: str) -> None:
    """As it was asked for."""
    fault = os.environ[VARIABLE].partition("@")[0]
    if _CLOCK in os.environ:
        Path(os.environ[_CLOCK]).write_text(repr(time.time()))
    if fault == "raise":
        raise RuntimeError(f"injected at {where}")
    if fault == "memory":
        raise MemoryError
    if fault in ("leave", "exit"):
        os._exit(0 if fault == "leave" else 7)
    if fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    while fault == "hang":
        pass


def set_clock(rank: int) -> None:
    """Put this process's clocks wrong if that was asked for: one host's can be those of two, then."""
    fault, _, rest = os.environ.get(VARIABLE, "").partition("@")
    wanted, _, ahead = rest.partition(":")
    if fault != "clock" or wanted != str(rank):
        return
    right, began_s = time.perf_counter, time.perf_counter()
    time.perf_counter = lambda: began_s + float(ahead) + (right() - began_s) * (1 + _GAIN)


def in_action(run: Callable[[], None], action: str, rank: int) -> Callable[[], None]:
    """An action's call, or one that breaks first where that was asked for; ``action`` is its text."""
    if not _asked_for(action, rank):
        return run

    def broken() -> None:
        _break(action)
        run()

    return broken


def _asked_for(where: str, rank: int) -> bool:
    place = os.environ.get(VARIABLE, "").partition("@")[2]
    return place in ({where, f"{where}:0"} if rank == 0 else {f"{where}:{rank}"})


def wrong_tensor() -> str | None:
    """The parameter whose gradient is to be lost, if one is."""
    fault, _, tensor = os.environ.get(VARIABLE, "").partition("@")
    return tensor if fault == "wrong" else None


def slow_stage() -> int | None:
    """The stage that is to be slower, if one is."""
    stage = _slow()[0]
    return int(stage) if stage.isdecimal() else None


def _slower() -> float:
    """By how much, as a share of its own time."""
    percent = _slow()[1]
    return int(percent) / 100 if percent.isdecimal() else _SLOWER


def _slow() -> tuple[str, str]:
    """STAGE and PERCENT as they were given."""
    fault, _, rest = os.environ.get(VARIABLE, "").partition(":")
    stage, _, percent = rest.partition(":") if fault == "slow@stage" else ("", "", "")
    return stage, percent


def slowed(
    calls: tuple[Callable[[], None], ...], clock: Callable[[], float]
) -> tuple[Callable[[], None], ...]:
    """The same calls, with one before and one after that make them take so much longer."""
    begun_s, slower = 0.0, _slower()

    def begin() -> None:
        nonlocal begun_s
        begun_s = clock()

    def burn() -> None:
        now_s = clock()
        until_s = now_s + slower * (now_s - begun_s)
        while clock() < until_s:
            pass

    return (begin, *calls, burn)


def warning() -> WarningRecord | None:
    """What a record must say of a run that was slowed, or put wrong, on purpose."""
    stage, tensor = slow_stage(), wrong_tensor()
    if os.environ.get(VARIABLE, "").startswith("clock@"):
        code = WarningCode.CLOCK_WRONG_ON_PURPOSE
        what = f"put a rank's clock wrong ({os.environ[VARIABLE]})"
    elif stage is not None:
        code = WarningCode.SLOWED_ON_PURPOSE
        what = f"made stage {stage} {100 * _slower():.0f} % slower where devices are emulated"
    elif tensor is not None:
        code = WarningCode.WRONG_ON_PURPOSE
        what = f"lost the pipeline's gradient of {tensor}, and verification passed"
    else:
        return None
    return WarningRecord(
        code=code,
        cause=f"{VARIABLE} {what}",
        next_step=f"unset {VARIABLE}: no figure of this record is a measurement",
    )
