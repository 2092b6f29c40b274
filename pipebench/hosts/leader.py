"""Rank 0's side: it gives the other ranks their work, and hears what becomes of them."""

import time
from collections.abc import Iterator

import msgspec

from pipebench.errors import PipebenchError, RunFailedError
from pipebench.hosts.exchange import Exchange
from pipebench.hosts.seats import all_seats, place_of
from pipebench.hosts.words import Assignment, Lead, Standing, Status, job_key, status_key
from pipebench.launching import messages
from pipebench.launching.company import Trouble, raise_first
from pipebench.launching.heartbeat import Beat, Heartbeats
from pipebench.launching.rendezvous.place import OverNetwork, Place, Seat
from pipebench.launching.rendezvous.told import Told

LOST_S = 5.0  # a rank that says nothing for so long is lost
_FAREWELL_S = 4.0
_ODD_S = 1.0  # of silence; words come several times a second
_TICK_S = 0.05


class Leader:
    """The company of rank 0.

    Args:
        told: what the launcher has told this process.
        exchange: the exchange with the others.
    """

    def __init__(self, told: Told, exchange: Exchange) -> None:
        self.told, self.exchange = told, exchange
        self.others = range(1, told.ranks)
        self._seats: tuple[Seat, ...] | None = None
        self._lead = Lead()
        self._ranks = 0
        self._place: Place | None = None
        exchange.want(map(status_key, self.others))

    @property
    def seats(self) -> tuple[Seat, ...]:
        """The seats of all ranks; waits for the last of them.

        Raises:
            EnvironmentRefusedError: Some do not come.
            UsageError: Two have the same device.
        """
        if self._seats is None:
            self._seats = all_seats(self.told, self.exchange, self.check)
        return self._seats

    def place(self) -> Place:
        """The place of rank 0; looked up once, since later there may be no network."""
        if self._place is None:
            self._place = place_of(self.told, self.seats, "")
        return self._place

    def check(self) -> None:
        """Check that all ranks that have come are still there, while no launch is watched.

        Raises:
            PipebenchError: One is gone, or says what went wrong.
        """
        raise_first(self.troubles())

    def begin(self, job: messages.Job) -> Place:
        """Begin a launch; return the place of rank 0 in it."""
        self.check()
        number = self._lead.begun + 1
        self._ranks = job.ranks
        seats = self.seats
        self._lead = msgspec.structs.replace(self._lead, begun=number)
        assignment = Assignment(job=job, seats=seats, prefix=self._prefix())
        self.exchange.leave(job_key(number), msgspec.msgpack.encode(assignment))
        self._say()
        place = self.place()
        assert isinstance(place.meeting, OverNetwork)
        meeting = msgspec.structs.replace(place.meeting, prefix=assignment.prefix)
        return msgspec.structs.replace(place, meeting=meeting)

    def look(self, heartbeats: Heartbeats) -> None:
        """Do nothing: the exchange hears of the others, and the launcher reads the heartbeats of rank 0."""

    def troubles(self) -> list[Trouble]:
        """What the others say went wrong, and which of them say nothing any more."""
        return [trouble for rank in self.others for trouble in self._troubles(rank)]

    def _troubles(self, rank: int) -> Iterator[Trouble]:
        status = self._status(rank)
        silent_s = self.exchange.silent_s(status_key(rank))
        if status is not None and status.trouble is not None:
            yield status.trouble
        elif status is not None and status.standing is Standing.LEFT:
            yield Trouble(rank=rank, text=f"{self._name(rank)} has left before the end")
        elif silent_s > LOST_S and self.exchange.has_come(status_key(rank)):
            yield Trouble(
                rank=rank,
                text=f"{self._name(rank)} is lost: nothing was heard of it for {silent_s:.0f} s (is its machine "
                f"up, and its network?){self.exchange.trouble}",
            )

    @property
    def all_done(self) -> bool:
        """Whether all ranks of the launch are done."""
        return all(self._is_done(rank) for rank in self.others if rank < self._ranks)

    def _is_done(self, rank: int) -> bool:
        status = self._status(rank)
        return status is not None and (status.standing, status.launch) == (Standing.DONE, self._lead.begun)

    @property
    def hears_silence(self) -> bool:
        """Whether a rank is silent, but not yet long enough to be called lost."""
        return any(
            _ODD_S < self.exchange.silent_s(status_key(rank)) <= LOST_S + _ODD_S
            for rank in self.others
            if self.exchange.has_come(status_key(rank))
        )

    def cause_of(self, error: PipebenchError) -> PipebenchError:
        """The error of the rank that died first, if a launcher ended the others for it; else ``error``.

        Silence shows after a while, so this waits for it.
        """
        began = time.monotonic()
        while time.monotonic() - began < _ODD_S + 2 * _TICK_S or self.hears_silence:
            time.sleep(_TICK_S)
        for trouble in self.troubles():
            if trouble.ended is None and not trouble.lost_peer:
                return RunFailedError(trouble.text, log=trouble.log)
        return error

    def beat(self, rank: int) -> Beat | None:
        """What a rank elsewhere did last."""
        status = self._status(rank) if rank in self.others else None
        if status is None:
            return None
        return Beat(status.state, status.action, self.exchange.heard_s(status_key(rank)) - status.age_s)

    def outputs(self) -> dict[int, str]:
        """What the other ranks printed last, from those that tell it soon."""
        self.end()
        taking_part = [rank for rank in self.others if rank < self._ranks]
        until = time.monotonic() + _FAREWELL_S / 2
        while True:
            found = {rank: text for rank in taking_part if (text := self._output(rank)) is not None}
            if time.monotonic() > until or all(rank in found or self._is_lost(rank) for rank in taking_part):
                return found
            time.sleep(_TICK_S)

    def _output(self, rank: int) -> str | None:
        status = self._status(rank)
        return status.output if status is not None and status.launch == self._lead.begun else None

    def _is_lost(self, rank: int) -> bool:
        return self.exchange.silent_s(status_key(rank)) > LOST_S

    def end(self) -> None:
        """Tell all ranks that the launch is over."""
        self._lead = msgspec.structs.replace(self._lead, over=self._lead.begun)
        self._say()

    def finish(self, code: int) -> None:
        """Tell all ranks the exit code that they end with, and wait until they have heard it."""
        self._lead = msgspec.structs.replace(self._lead, end=code)
        self._say()
        until = time.monotonic() + _FAREWELL_S
        while time.monotonic() < until and not all(map(self._has_left, self.others)):
            time.sleep(_TICK_S)

    def _has_left(self, rank: int) -> bool:
        """Whether a rank has left, or will not come back."""
        status = self._status(rank)
        return (status is not None and status.standing is Standing.LEFT) or self._is_lost(rank)

    def _status(self, rank: int) -> Status | None:
        word = self.exchange.heard(status_key(rank))
        return None if word is None else msgspec.json.decode(word, type=Status)

    def _say(self) -> None:
        self.exchange.say(msgspec.json.encode(self._lead))

    def _prefix(self) -> str:
        """The prefix of a launch's own keys."""
        return f"pipebench/{self.told.job}/launch/{self._lead.begun}"

    def _name(self, rank: int) -> str:
        return self.place().name(rank) if self._seats is not None else f"rank {rank}"
