"""What the processes of a launch tell each other over the store, one value a rank, renewed all the while. Pure."""

from enum import StrEnum

import msgspec

from pipebench.launching import messages
from pipebench.launching.company import Trouble
from pipebench.launching.heartbeat import State
from pipebench.launching.rendezvous.place import Seat


class Present(msgspec.Struct, frozen=True):
    """A rank is there: where it sits, which kernel's clock it reads, and what is installed there."""

    seat: Seat
    boot: str
    versions: str = ""


class Standing(StrEnum):
    """How far a rank is with a launch."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    LEFT = "left"


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What a rank does.

    ``launch`` is the one that ``standing`` is about. ``state`` and ``action`` are the last heartbeat of its measuring
    process, which is ``age_s`` old. ``output`` is what that process printed last, once the launch is over.
    """

    launch: int
    standing: Standing
    state: State = State.STARTING
    action: int = -1
    age_s: float = 0.0
    output: str | None = None
    trouble: Trouble | None = None


class Lead(msgspec.Struct, frozen=True, kw_only=True):
    """What rank 0 tells the others to do.

    ``begun`` launches have begun; the last one is over if ``over`` is as large. ``end`` is the exit code of all,
    once it is known.
    """

    begun: int = 0
    over: int = 0
    end: int | None = None


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """A launch, as rank 0 gives it to the others."""

    job: messages.Job
    seats: tuple[Seat, ...]
    prefix: str


def job_key(number: int) -> str:
    """Where the assignment of a launch lies."""
    return f"job/{number}"


def status_key(rank: int) -> str:
    """Where a rank's last word lies."""
    return f"rank/{rank}"


def present_key(rank: int) -> str:
    """Where a rank says that it is there."""
    return f"present/{rank}"
