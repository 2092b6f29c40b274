"""The errors a user can meet, each with the exit code that tells a script what kind it is.

An error's text is one line: what was expected, what came, where, and what to do about it.
Anything else that escapes is a bug of ours and exits 1.
"""

from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """What the ``pipebench`` command tells its caller."""

    DONE = 0
    BUG = 1
    USAGE = 2
    REGRESSION = 3
    INCONCLUSIVE = 4
    NOT_COMPARABLE = 5
    RUN_FAILED = 6
    ENVIRONMENT = 7
    DEADLINE = 8
    MISSING = 9
    CORRUPT = 10
    INTERRUPTED = 130
    TERMINATED = 143


class PipebenchError(Exception):
    """Base of all errors that are not a bug in pipebench; the text is one line for stderr."""

    exit_code = ExitCode.BUG


class UsageError(PipebenchError, ValueError):
    """An option, a configuration or a named input file is wrong or missing."""

    exit_code = ExitCode.USAGE


class RunBrokenError(PipebenchError):
    """Base of what ends a run that has started; ``log`` is what the broken process printed, or its file, if any."""

    exit_code = ExitCode.RUN_FAILED

    def __init__(self, message: str, *, log: str | Path = "") -> None:
        super().__init__(message)
        self.log = log


class RunFailedError(RunBrokenError):
    """The run started and broke: a process died, memory ran out, verification failed, NaN."""

    exit_code = ExitCode.RUN_FAILED


class UnusableOutputError(RunBrokenError, UsageError):
    """A command that ran to its end and did not print what it was asked for."""

    exit_code = ExitCode.USAGE


class EnvironmentRefusedError(PipebenchError):
    """This machine cannot do it: too few GPUs, no driver, too little memory."""

    exit_code = ExitCode.ENVIRONMENT


class DeadlineError(RunBrokenError):
    """The run's deadline passed."""

    exit_code = ExitCode.DEADLINE


class NotComparableError(PipebenchError):
    """Records of two kinds, which can never be compared."""

    exit_code = ExitCode.NOT_COMPARABLE


class MissingError(PipebenchError):
    """There is nothing to compare with: no such baseline, metric or completed run."""

    exit_code = ExitCode.MISSING


class CorruptRecordError(PipebenchError):
    """A record that cannot be read: no JSON, not ours, or not valid by its schema."""

    exit_code = ExitCode.CORRUPT


class InterruptedRunError(PipebenchError):
    """Ctrl-C (SIGINT)."""

    exit_code = ExitCode.INTERRUPTED


class TerminatedRunError(PipebenchError):
    """SIGTERM, or a terminal that hung up."""

    exit_code = ExitCode.TERMINATED
