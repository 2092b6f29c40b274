"""The processes of a launch that start here: run fresh interpreters, listen to them, and end them whatever happens.

Each process gets a session of its own, so that a terminal's Ctrl-C reaches the launcher only. Its standard input is a
pipe that ends with the launcher. It also gets a pipe for its reports, and a log. This file imports no torch, so that it
can act within milliseconds. ``launcher`` has a picture of a launch.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import msgspec

from pipebench.errors import DeadlineError
from pipebench.launching import deaths, messages, process
from pipebench.launching.company import Company, Trouble, first, raise_first
from pipebench.launching.heartbeat import Beat, Heartbeats, culprit
from pipebench.launching.rendezvous.place import Place
from pipebench.plan.plan import Plan
from pipebench.system import signals

_LONGEST_WAIT_S = 3600.0  # in one call: the system's wait for pipes takes at most some weeks
_GRACE_S = 0.5  # after a first failure
_GRACE_FOR_A_MACHINE_S = 7.0  # until a rank elsewhere that has gone silent counts as lost, and is named
_GRACE_FOR_SILENCE_S = (
    3.0  # until the silence of a rank elsewhere is noticed; one that a signal ended reports sooner
)
_TICK_S = 0.1  # between looks at ranks elsewhere


@dataclass
class _Child:
    """A process of the launch and the launcher's end of its pipe."""

    rank: int
    name: str
    process: "subprocess.Popen[bytes]"
    reading: int
    log: Path
    buffer: bytearray = field(default_factory=bytearray)
    loaded: bool = False
    done: bool = False
    failed: list[messages.Failed] = field(default_factory=list)


class Launched:
    """The processes of one launch that this launcher starts, from start to end.

    Args:
        folder: the folder with all files that they need.
        job: what they are to do.
        heartbeats: where they write down what they do.
        deadline: when they are given up, on the ``time.monotonic`` clock.
        places: the places of the ranks to start here.
        company: the ranks that other launchers start, if there are any.
    """

    def __init__(
        self,
        folder: Path,
        job: messages.Work,
        heartbeats: Heartbeats,
        *,
        deadline: float,
        places: Sequence[Place],
        company: Company | None = None,
    ) -> None:
        self.folder, self.job, self.heartbeats, self.deadline = folder, job, heartbeats, deadline
        self.places, self.company = places, company
        self.children: list[_Child] = []
        self.starvation = deaths.Starvation()

    def reports(self) -> Iterator[messages.AnyMessage]:
        """Start the processes and yield what they report, until all are done or one has failed.

        Raises:
            PipebenchError: They did not end well; see ``Launcher.run``.
        """
        for place in self.places:
            with signals.held():
                self.children.append(_start(self.folder, place, self.job))
        with selectors.DefaultSelector() as selector:
            for child in self.children:
                selector.register(child.reading, selectors.EVENT_READ, child)
            failed_s: float | None = None
            until = self.deadline
            while selector.get_map() or not (self.company is None or self.company.all_done):
                left_s = max(until - time.monotonic(), 0)
                for key, _ in selector.select(min(left_s, self._wait_s())):
                    yield from self._take(key.data, selector)
                if self.company is not None:
                    self.company.look(self.heartbeats)
                trouble = self.trouble()
                if trouble is not None:
                    failed_s = time.monotonic() if failed_s is None else failed_s
                    until = min(self.deadline, failed_s + self._grace_s(trouble))
                if time.monotonic() >= until:
                    break
        self._conclude()

    def end(self) -> None:
        """Kill the processes that are left, with all that they started, and wait until they are gone."""
        for child in self.children:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.process.pid, signal.SIGKILL)
        for child in self.children:
            child.process.wait()
            os.close(child.reading)
            assert child.process.stdin is not None
            child.process.stdin.close()
        if self.company is not None:
            self.company.end()

    def _wait_s(self) -> float:
        """How long to wait for reports from here, before looking at the ranks elsewhere."""
        return _LONGEST_WAIT_S if self.company is None else _TICK_S

    def _grace_s(self, trouble: Trouble) -> float:
        """How long to wait after a first failure for the culprit's report, which may come after its victims'.

        A lost machine never reports, so its silence must last.
        """
        if self.company is None or not trouble.lost_peer:
            return _GRACE_S
        return _GRACE_FOR_A_MACHINE_S if self.company.hears_silence else _GRACE_FOR_SILENCE_S

    def _take(self, child: _Child, selector: selectors.BaseSelector) -> Iterator[messages.AnyMessage]:
        """Read what one process reported, in complete lines; at the end of its pipe, stop listening to it."""
        data = os.read(child.reading, 1 << 16)
        if not data:
            selector.unregister(child.reading)
            child.process.wait()
        child.buffer += data
        if b"\n" not in data:  # a timeline takes many reads
            return
        *lines, child.buffer = child.buffer.split(b"\n")
        for line in lines:
            message = msgspec.json.decode(line, type=messages.AnyMessage)
            match message:
                case messages.Failed():
                    child.failed.append(message)
                case messages.Loaded():
                    child.loaded = True
                case messages.Done():
                    child.done = True
                case _:
                    yield message

    def trouble(self) -> Trouble | None:
        """What broke the launch, if anything did."""
        return first(self._all_troubles())

    def _all_troubles(self) -> list[Trouble]:
        found = [trouble for child in self.children for trouble in self._troubles(child)]
        return found if self.company is None else [*found, *self.company.troubles()]

    def _troubles(self, child: _Child) -> Iterator[Trouble]:
        """The troubles of one process here."""
        code = child.process.poll()
        where = f"{child.name}: " if self.company is not None else ""
        for failed in child.failed:
            yield Trouble(
                rank=child.rank,
                text=f"{child.name}{deaths.told(failed)}",
                lost_peer=failed.lost_peer,
                refused=f"{where}{failed.cause}" if failed.refused else None,
                usage=f"{where}{failed.cause}" if failed.usage else None,
                log=self._log_of(child),
            )
        if code is None or child.failed or (child.done and not code):
            return
        text = f"{child.name} {deaths.death(code, child.log, self.starvation)}"
        limit = deaths.limit(code, loaded=child.loaded)
        refused = f"{limit}: {text}" if limit is not None else None
        yield Trouble(rank=child.rank, text=text, refused=refused, log=self._log_of(child))

    def _conclude(self) -> None:
        """Raise the error of the launch, if it did not end well."""
        found = self._all_troubles()
        if found:
            deaths.check_folder()
        raise_first(found, lambda trouble: self._with_all_ranks(trouble.log, but=trouble.rank))
        if not all(child.done for child in self.children) or (self.company and not self.company.all_done):
            rank = culprit(map(self._beat, range(self.job.ranks))) if self.job.ranks > 1 else None
            text = f"the deadline passed{self._held_up(rank)}: give more time with --deadline, or do less"
            there = [child for child in self.children if child.rank == (rank or 0)]
            log = self._log_of(there[0]) if there else f"culprit: {self.places[0].name(rank or 0)}\n"
            raise DeadlineError(text, log=self._with_all_ranks(log, but=there[0].rank if there else None))

    def _held_up(self, rank: int | None) -> str:
        if self.job.ranks == 1:
            return ""
        if rank is None:
            return " while every rank waited for a message: which one is at fault cannot be told"
        return f" while {self.places[0].name(rank)} was {self._last_of(rank)}"

    def _beat(self, rank: int) -> Beat:
        """The last thing that a rank wrote down, here or elsewhere."""
        elsewhere = self.company.beat(rank) if self.company is not None else None
        return elsewhere or self.heartbeats.read(rank)

    def _last_of(self, rank: int) -> str:
        """The last thing that a rank wrote down, in words."""
        beat = self._beat(rank)
        action = self._action_text(rank, beat.action)
        return f"{beat.doing}{f' ({action})' if action else ''}"

    def _action_text(self, rank: int, number: int) -> str:
        """A rank's n-th action as text; empty if there is none. A stage that is no slice of layers is described too."""
        if not isinstance(self.job, messages.Job) or self.job.task is not messages.Task.LAUNCH:
            return ""
        graph, program = self._plan.graph, self._plan.programs[rank]
        if not 0 <= number < len(program):
            return ""
        action = program[number]
        if action.stage < graph.chain:
            return graph.text(action)
        config = self.job.config
        return f"{graph.text(action)}: {config.outline.text(config.layout.parts[action.stage])}"

    @cached_property
    def _plan(self) -> Plan:
        assert isinstance(self.job, messages.Job)
        return self.job.plan()

    def output(self) -> str:
        """What the processes here printed last."""
        return "".join(deaths.end_of(child.log) for child in self.children)

    def _log_of(self, child: _Child) -> str:
        """What a process here left behind: the errors that it reported, and its output."""
        told = [failed.traceback or failed.cause for failed in child.failed]
        parts = (f"culprit: {child.name}", *told, deaths.end_of(child.log))
        return "\n".join(part.rstrip() for part in parts if part.strip()) + "\n"

    def _with_all_ranks(self, log: str, *, but: int | None) -> str:
        """The culprit's log, what every rank did last, and what ranks elsewhere printed, but for rank ``but``."""
        if self.job.ranks == 1:
            return log
        name = self.places[0].name
        last = [f"{name(rank)} was {self._last_of(rank)}\n" for rank in range(self.job.ranks)]
        printed = self.company.outputs() if self.company is not None else {}
        more = [
            f"{name(rank)} printed:\n{text.rstrip()}\n"
            for rank, text in printed.items()
            if text.strip() and rank != but
        ]
        return "".join([log, *last, *more])


def _start(folder: Path, place: Place, job: messages.Work) -> _Child:
    reading, writing = os.pipe()
    rank, log = place.rank, folder / f"log-{place.rank}"
    try:
        with log.open("wb") as output:
            started = subprocess.Popen(
                [
                    *(
                        sys.executable,
                        "-P",
                        "-m",
                        "pipebench.measuring.launch",
                    ),  # -P: not the user's working folder
                    *(str(folder), str(rank), str(writing), str(os.getpid())),
                ],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=process.start_environment(),
                pass_fds=[writing],
                start_new_session=True,
            )
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    name = "the launch" if job.ranks == 1 else place.name(rank)
    return _Child(rank, name, started, reading, log)
