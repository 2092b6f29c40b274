"""What a launcher knows of the ranks that other launchers start, and the troubles that break a launch."""

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

    ``text`` is one line with the process's name. ``lost_peer``: the process lost another one, which is then the
    culprit. ``refused`` is the cause alone if the machine is to blame, ``usage`` if the input is. ``ended`` is the exit
    code if a signal ended the rank's own launcher. ``log`` is what the process left behind.
    """

    rank: int
    text: str
    lost_peer: bool = False
    refused: str | None = None
    usage: str | None = None
    ended: int | None = None
    log: str = ""


def first(troubles: Iterable[Trouble]) -> Trouble | None:
    """What broke the launch: first a rank's own error or death, then the end by a signal, last a lost peer."""
    return min(troubles, key=lambda trouble: (trouble.lost_peer, trouble.ended is not None), default=None)


def raise_first(
    troubles: Iterable[Trouble], log: Callable[[Trouble], str] = lambda trouble: trouble.log
) -> None:
    """Raise what broke the launch, if anything did.

    Args:
        troubles: the troubles of all processes.
        log: makes the log that is kept.

    Raises:
        EnvironmentRefusedError: A machine is to blame.
        UsageError: The input is to blame.
        InterruptedRunError: SIGINT ended a rank's own launcher.
        TerminatedRunError: Another signal ended it.
        RunFailedError: Anything else broke the launch.
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
    """The processes of a launch that other launchers start, here or elsewhere, as this launcher sees them."""

    def look(self, heartbeats: Heartbeats) -> None:
        """Tell the others what happens here, and hear what happened there; called again and again."""

    def troubles(self) -> list[Trouble]:
        """What went wrong elsewhere."""

    @property
    def all_done(self) -> bool:
        """Whether all processes elsewhere have done their work."""

    @property
    def hears_silence(self) -> bool:
        """Whether a process elsewhere has been silent for long, but not long enough to count as lost."""

    def beat(self, rank: int) -> Beat | None:
        """What a rank elsewhere did last, on this machine's monotonic clock; ``None`` if it is here or not known."""

    def outputs(self) -> dict[int, str]:
        """What ranks elsewhere printed last, by rank. The launch is given up to get it, and lost ranks are left out."""

    def end(self) -> None:
        """End the launch elsewhere too."""


class Led(Company, Protocol):
    """The company of rank 0, which gives the other ranks their work."""

    def place(self) -> Place:
        """Wait until all ranks are there; where rank 0 is among them."""

    def begin(self, job: messages.Job) -> Place:
        """Begin a launch; where this process's rank is in it."""

    def cause_of(self, error: PipebenchError) -> PipebenchError:
        """The death of a rank elsewhere, if that made a launcher end this process by a signal; else ``error``."""
