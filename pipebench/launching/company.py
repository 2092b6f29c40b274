"""The ranks of a launch that are started elsewhere, as a launcher sees them, and what breaks a launch."""

from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from pipebench.errors import (
    EnvironmentRefusedError,
    ExitCode,
    InterruptedRunError,
    PipebenchError,
    RunFailedError,
    TerminatedRunError,
    UsageError,
)
from pipebench.launching import messages
from pipebench.launching.heartbeat import Beat, Heartbeats
from pipebench.launching.rendezvous.place import Place


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """What broke a process of a launch.

    ``text`` is one line with the process's name. ``lost_peer``: another one is the culprit, if there is any.
    ``refused`` and ``usage`` are the cause alone, where the machine or the input is to blame. ``ended`` is the exit
    code of a signal that ended it. ``log`` is what it left behind.
    """

    rank: int
    text: str
    lost_peer: bool = False
    refused: str | None = None
    usage: str | None = None
    ended: int | None = None
    log: str = ""


def first(troubles: Iterable[Trouble]) -> Trouble | None:
    """What broke the launch: an error of a rank's own or a death before a signal, and that before a lost peer."""
    return min(troubles, key=lambda trouble: (trouble.lost_peer, trouble.ended is not None), default=None)


def raise_first(
    troubles: Iterable[Trouble], log: Callable[[Trouble], str] = lambda trouble: trouble.log
) -> None:
    """Raise what broke the launch, if anything did.

    Args:
        troubles: of all processes.
        log: makes the log that is kept.

    Raises:
        EnvironmentRefusedError: A machine is to blame.
        UsageError: The input is.
        InterruptedRunError: A signal ended a rank's own launcher.
        TerminatedRunError: Likewise.
        RunFailedError: Anything else.
    """
    trouble = first(troubles)
    if trouble is None:
        return
    if trouble.refused is not None:
        raise EnvironmentRefusedError(trouble.refused)
    if trouble.usage is not None:
        raise UsageError(trouble.usage)
    if trouble.ended is not None:
        raise (InterruptedRunError if trouble.ended == ExitCode.INTERRUPTED else TerminatedRunError)(
            trouble.text
        )
    raise RunFailedError(trouble.text, log=log(trouble))


class Company(Protocol):
    """The processes of a launch that are started elsewhere, as this launcher sees them."""

    def look(self, heartbeats: Heartbeats) -> None:
        """Called all the while: tell what happens here, and hear what happened elsewhere."""

    def troubles(self) -> list[Trouble]:
        """What went wrong elsewhere."""

    @property
    def all_done(self) -> bool:
        """Whether all of them have done all that they were started for."""

    @property
    def hears_silence(self) -> bool:
        """Whether a process elsewhere may be lost that cannot be called so yet."""

    def beat(self, rank: int) -> Beat | None:
        """What a rank elsewhere did last, on this machine's monotonic clock; ``None`` of one that is here."""

    def outputs(self) -> dict[int, str]:
        """What ranks elsewhere printed last; the launch is given up for it, and those that are lost are not there."""

    def end(self) -> None:
        """The launch is over: see that the others end theirs."""


class Led(Company, Protocol):
    """The same, as rank 0 has them: it gives them their work."""

    def place(self) -> Place:
        """Where rank 0 is among all ranks; waits until they are there."""

    def begin(self, job: messages.Job) -> Place:
        """A launch begins; where this process's rank is in it."""

    def cause_of(self, error: PipebenchError) -> PipebenchError:
        """What a signal that ended this process was sent for, if a rank elsewhere had died before; else the error."""
