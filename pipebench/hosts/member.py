"""The side of every rank but 0: it does what rank 0 gives it, and ends as rank 0 ends."""

import time
import traceback
from contextlib import closing
from math import inf
from typing import TYPE_CHECKING

import msgspec

from pipebench.errors import ExitCode, InterruptedRunError, PipebenchError, RunFailedError, TerminatedRunError
from pipebench.hosts.exchange import TO_COME_S, Exchange
from pipebench.hosts.leader import LOST_S
from pipebench.hosts.seats import place_of
from pipebench.hosts.words import Assignment, Lead, Standing, Status, job_key, status_key
from pipebench.launching.company import Trouble
from pipebench.launching.heartbeat import Beat, Heartbeats, State
from pipebench.launching.launched import Launched
from pipebench.launching.launcher import prepared
from pipebench.launching.rendezvous.told import Told
from pipebench.system import refusals
from pipebench.system.places import temporary_folder

if TYPE_CHECKING:
    from pipebench.launching.rendezvous.place import Place

_TICK_S = 0.05
_LAST_WORD_S = 6.0  # rank 0 may have a lost machine to wait for, and a record to write


class _OverError(Exception):
    """Rank 0 says that the launch is over."""


class Member:
    """One rank that is not 0.

    Args:
        told: what the launcher has told this process.
        exchange: the exchange with the others.
    """

    def __init__(self, told: Told, exchange: Exchange) -> None:
        self.told, self.exchange = told, exchange
        self.place: Place | None = None
        self._lead = Lead()
        self._status = Status(launch=0, standing=Standing.WAITING)
        exchange.want([status_key(0)])
        self.say()

    def serve(self) -> int:
        """Take part in all launches; return the exit code that all ranks end with.

        Raises:
            RunFailedError: Rank 0 is lost.
        """
        try:
            return self._serve()
        except Exception as error:
            if self._is_lost():
                raise
            code = self._tell(error)
            if code is None or isinstance(error, (InterruptedRunError, TerminatedRunError)):
                raise
            return code
        finally:
            self.say(standing=Standing.LEFT)
            self.exchange.flush(1.0)

    def _serve(self) -> int:
        number = 0
        while self.lead().end is None:
            if self._lead.begun > number and self._lead.over < self._lead.begun:
                number = self._lead.begun
                self._take_part(number)
            time.sleep(_TICK_S)
        return self._lead.end or 0

    def _take_part(self, number: int) -> None:
        self.exchange.look_for([job_key(number)])
        while (given := self.exchange.found(job_key(number))) is None:
            self.lead()
            time.sleep(_TICK_S)
        assignment = msgspec.msgpack.decode(given, type=Assignment)
        if self.told.rank >= assignment.job.ranks:
            self.say(launch=number, standing=Standing.DONE)
            return
        self.place = place_of(self.told, assignment.seats, assignment.prefix)
        self.say(
            launch=number, standing=Standing.RUNNING, state=State.STARTING, action=-1, age_s=0.0, output=None
        )
        with (
            refusals.told("a launch cannot be started"),
            temporary_folder() as folder,
            closing(prepared(folder, assignment.job, [self.place])) as heartbeats,
        ):
            launched = Launched(
                folder,
                assignment.job,
                heartbeats,
                deadline=inf,
                places=[self.place],
                company=_UnderALead(self, number),
            )
            try:
                for _ in launched.reports():
                    pass  # rank 0 reports for all
                self.say(standing=Standing.DONE)
            except _OverError:
                self.say(standing=Standing.WAITING, output=launched.output())
            except (InterruptedRunError, TerminatedRunError):
                raise
            except PipebenchError as error:
                self.say(trouble=launched.trouble() or self._trouble(error), output=launched.output())
            finally:
                launched.end()

    def lead(self) -> Lead:
        """What rank 0 said last.

        Raises:
            RunFailedError: Rank 0 says nothing any more.
        """
        word = self.exchange.heard(status_key(0))
        if word is not None:
            self._lead = msgspec.json.decode(word, type=Lead)
        if self._is_lost():
            silent_s = self.exchange.silent_s(status_key(0))
            raise RunFailedError(
                f"rank 0 is lost: nothing was heard of it for {silent_s:.0f} s (is its machine up, "
                f"{self.told.address}, and its network?); what was measured is lost with it, unless it kept a record"
            )
        return self._lead

    def say(self, **changes: object) -> None:
        """Renew this rank's word."""
        self._status = msgspec.structs.replace(self._status, **changes)
        self.exchange.say(msgspec.json.encode(self._status))

    def _is_lost(self) -> bool:
        """Whether rank 0 is lost; it has more time before it has come."""
        patience_s = LOST_S if self.exchange.has_come(status_key(0)) else TO_COME_S
        return self._lead.end is None and self.exchange.silent_s(status_key(0)) > patience_s

    def _tell(self, error: Exception) -> int | None:
        """Say why this rank ends, and give rank 0 the time to end all; return the exit code that it tells, if any."""
        self.say(trouble=self._trouble(error))
        until = time.monotonic() + _LAST_WORD_S
        while time.monotonic() < until:
            if self.lead().end is not None:
                return self._lead.end
            time.sleep(_TICK_S)
        return None

    def _trouble(self, error: Exception) -> Trouble:
        """The trouble as rank 0 is to report it."""
        name = self.place.name(self.told.rank) if self.place is not None else f"rank {self.told.rank}"
        known = isinstance(error, PipebenchError)
        text = f"{name}: {error}" if known else f"{name}: {type(error).__name__}: {error}"
        code = error.exit_code if isinstance(error, PipebenchError) else None
        return Trouble(
            rank=self.told.rank,
            text=text,
            refused=text if code == ExitCode.ENVIRONMENT else None,
            usage=text if code == ExitCode.USAGE else None,
            ended=int(code) if code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED) else None,
            log="" if known else traceback.format_exc(),
        )


class _UnderALead:
    """The company of a rank that is not 0: rank 0 alone, which decides."""

    def __init__(self, member: Member, number: int) -> None:
        self.member, self.number = member, number
        self.all_done = True

    def look(self, heartbeats: Heartbeats) -> None:
        """Tell what this rank's process does, and end it if rank 0 says so."""
        beat = heartbeats.read(self.member.told.rank)
        age_s = time.monotonic() - beat.since_s
        self.member.say(state=beat.state, action=beat.action, age_s=age_s)
        if self.member.lead().over >= self.number:
            raise _OverError

    def troubles(self) -> list[Trouble]:
        """What happens elsewhere is rank 0's to judge."""
        return []

    @property
    def hears_silence(self) -> bool:
        """Silence elsewhere is rank 0's to judge."""
        return False

    def beat(self, rank: int) -> Beat | None:  # noqa: ARG002 - of this rank alone something is known
        """Nothing is known of the others."""
        return None

    def outputs(self) -> dict[int, str]:
        """Rank 0 gathers them."""
        return {}

    def end(self) -> None:
        """Do nothing: rank 0 ends launches."""
