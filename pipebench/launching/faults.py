"""Faults on demand, so that the tests of exit codes meet real ones: ``PIPEBENCH_INJECT=kill@timed:1``.

    mismatch, nan           errors that verification must find
    wrong@TENSOR            the pipeline's gradient of this parameter is set to 0 for verification, as if it were lost
    raise, memory, leave,   a process breaks or hangs at ``@start``, ``@warm-up`` or ``@timed``. This is rank 0, or
    exit, kill, hang        with ``:RANK`` at the end another rank. Real ranks can also break in an action, such as
                            ``@2F0:2``, the first time that it runs
    clock@RANK:SECONDS      the clock of a rank's process is ahead by so much, and gains 0.02 %
    slow@stage:STAGE        every action of an emulated stage burns 10 % more CPU time, or as many per cent more as
                            ``:PERCENT`` at the end says

Most runs with a fault fail, so they give no figures. A run with a slow stage or a wrong clock does not fail. Nor does
one whose lost gradient is too small to be noticed. The record of such a run says so in a warning.
``PIPEBENCH_INJECT_CLOCK`` names a file that gets the time at which the fault happened.
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
_GAIN = 2e-4  # what a wrong clock gains, as a share of the time


def injected(fault: str) -> bool:
    """Whether this fault was asked for."""
    return os.environ.get(VARIABLE) == fault


def happen(phase: Phase, rank: int) -> None:
    """Break at this point of a launch, if a fault was asked for here."""
    if _asked_for(phase, rank):
        _break(phase)


def _break(where: str) -> None:
    """Break in the way that was asked for; ``where`` is the phase or the action."""
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
    """Make this process's clock wrong, if that was asked for: so processes of one host can act as two hosts."""
    fault, _, rest = os.environ.get(VARIABLE, "").partition("@")
    wanted, _, ahead = rest.partition(":")
    if fault != "clock" or wanted != str(rank):
        return
    right, began_s = time.perf_counter, time.perf_counter()
    time.perf_counter = lambda: began_s + float(ahead) + (right() - began_s) * (1 + _GAIN)


def in_action(run: Callable[[], None], action: str, rank: int) -> Callable[[], None]:
    """An action's call, or a call that first breaks, if that was asked for; ``action`` is the action's text."""
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
    """The parameter whose gradient is to be lost, if any."""
    fault, _, tensor = os.environ.get(VARIABLE, "").partition("@")
    return tensor if fault == "wrong" else None


def slow_stage() -> int | None:
    """The stage that is to be slower, if any."""
    stage = _slow()[0]
    return int(stage) if stage.isdecimal() else None


def _slower() -> float:
    """How much slower the stage is to be, as a share of its own time."""
    percent = _slow()[1]
    return int(percent) / 100 if percent.isdecimal() else _SLOWER


def _slow() -> tuple[str, str]:
    """STAGE and PERCENT as they were given, empty if they were not."""
    fault, _, rest = os.environ.get(VARIABLE, "").partition(":")
    stage, _, percent = rest.partition(":") if fault == "slow@stage" else ("", "", "")
    return stage, percent


def slowed(
    calls: tuple[Callable[[], None], ...], clock: Callable[[], float]
) -> tuple[Callable[[], None], ...]:
    """The calls with one before and one after them, so that together they take longer by the share that was given."""
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
    """The warning for the record of a run that was made slow or wrong on purpose."""
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
