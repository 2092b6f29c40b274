"""The ranks of a launch that are started elsewhere, as a launcher sees them, and what breaks a launch."""

from typing import Protocol

import msgspec

from pipebench.rendezvous.place import Place
from pipebench.runtime import messages
from pipebench.runtime.heartbeat import Beat, Heartbeats


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


class Company(Protocol):
    """The processes of a launch that are started elsewhere, as this launcher sees them."""

    def look(self, heartbeats: Heartbeats) -> None:
        """Called all the while: tell what happens here, and hear what happened elsewhere."""

    def troubles(self) -> list[Trouble]:
        """What went wrong elsewhere."""

    @property
    def all_done(self) -> bool:
        """Whether all of them have done all that they were started for."""

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
