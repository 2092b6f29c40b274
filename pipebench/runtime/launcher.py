"""The launcher: starts the fresh interpreters of a launch, listens to them, and ends them whatever happens.

Imports no torch, so it can act within milliseconds of a signal. A launch is one process that emulates all
devices, or one process a rank. Each gets a session of its own (a terminal's Ctrl-C reaches the launcher
only), a pipe as standard input that ends with the launcher, a pipe to report on, and a log.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import msgspec

from pipebench import refusals, signals
from pipebench.errors import DeadlineError, EnvironmentRefusedError, RunFailedError, UsageError
from pipebench.places import temporary_folder, writing_temporary_files
from pipebench.plan.plan import Plan
from pipebench.runtime import deaths, messages, process
from pipebench.runtime.heartbeat import Heartbeats

_BEYOND_THE_DEADLINE_S = 600.0  # a rank's wait must not end before the launcher names the culprit
_LONGEST_WAIT_S = 3600.0  # at once: what waits for pipes takes no more than some weeks
_GRACE_S = 0.5  # after a first failure: the culprit's own word may come after its victims'


class Launcher:
    """Runs jobs one at a time until ``deadline`` (on the ``time.monotonic`` clock)."""

    def __init__(self, *, deadline: float) -> None:
        self.deadline = deadline

    def run(self, job: messages.Work) -> Generator[messages.AnyMessage, None, None]:
        """Start a launch and yield what it reports; all of it has ended when this generator has.

        Raises:
            EnvironmentRefusedError: The system, or what is installed on it, does not let it start.
            RunFailedError: A process broke or died; the text names the culprit, not its victims.
            DeadlineError: The deadline passed; the text names the rank that held the others up.
            UsageError: The user's own layers are not what they should be.
        """
        left_s = max(self.deadline - time.monotonic(), 0.0)
        job = msgspec.structs.replace(job, patience_s=left_s + _BEYOND_THE_DEADLINE_S)
        with (
            refusals.told("a launch cannot be started"),
            temporary_folder() as folder,
            contextlib.closing(_prepared(folder, job)) as heartbeats,
        ):
            launch = _Launch(folder, job, heartbeats, self.deadline)
            try:
                yield from launch.reports()
            finally:
                launch.end()


def _prepared(folder: Path, job: messages.Work) -> Heartbeats:
    """The folder with all the files that a launch needs.

    Raises:
        EnvironmentRefusedError: There is no room for them.
    """
    with writing_temporary_files():
        (folder / "job.msgpack").write_bytes(msgspec.msgpack.encode(job))
        for rank in range(job.ranks):
            (folder / f"log-{rank}").touch()
        return Heartbeats(folder / "heartbeats", job.ranks)


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


class _Launch:
    """The processes of one launch, from start to end."""

    def __init__(self, folder: Path, job: messages.Work, heartbeats: Heartbeats, deadline: float) -> None:
        self.folder, self.job, self.heartbeats, self.deadline = folder, job, heartbeats, deadline
        self.children: list[_Child] = []
        self.starvation = deaths.Starvation()

    def reports(self) -> Iterator[messages.AnyMessage]:
        """What the processes report, until all are done or one has failed."""
        for rank in range(self.job.ranks):
            with signals.held():
                self.children.append(_start(self.folder, rank, self.job))
        with selectors.DefaultSelector() as selector:
            for child in self.children:
                selector.register(child.reading, selectors.EVENT_READ, child)
            until = self.deadline
            while selector.get_map():
                left_s = until - time.monotonic()
                ready = selector.select(min(max(left_s, 0), _LONGEST_WAIT_S))
                if not ready and left_s <= _LONGEST_WAIT_S:
                    break
                for key, _ in ready:
                    yield from self._take(key.data, selector)
                if self._culprit() is not None:
                    until = min(until, time.monotonic() + _GRACE_S)
        self._conclude()

    def end(self) -> None:
        """Kill what is left and whatever it started, and wait until it is gone."""
        for child in self.children:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.process.pid, signal.SIGKILL)
        for child in self.children:
            child.process.wait()
            os.close(child.reading)
            assert child.process.stdin is not None
            child.process.stdin.close()

    def _take(self, child: _Child, selector: selectors.BaseSelector) -> Iterator[messages.AnyMessage]:
        """Complete lines of one process; its end is noticed here too."""
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

    def _culprit(self) -> tuple[str, _Child] | None:
        """What broke the launch, in one line: a death or an error of a rank's own before a lost peer."""
        own: list[tuple[str, _Child]] = []
        lost: list[tuple[str, _Child]] = []
        for child in self.children:
            code = child.process.poll()
            for failed in child.failed:
                (lost if failed.lost_peer else own).append((f"{child.name}{deaths.told(failed)}", child))
            if code is not None and not child.failed and (code or not child.done):
                own.append((f"{child.name} {deaths.death(code, child.log, self.starvation)}", child))
        found = own or lost
        return found[0] if found else None

    def _conclude(self) -> None:
        """Raise what the launch ended with, if it did not end well."""
        culprit = self._culprit()
        if culprit is not None:
            text, child = culprit
            deaths.check_folder()
            if any(failed.refused for failed in child.failed):
                raise EnvironmentRefusedError(child.failed[0].cause)
            if any(failed.usage for failed in child.failed):
                raise UsageError(child.failed[0].cause)
            if (
                not child.failed
                and (limit := deaths.limit(child.process.returncode, loaded=child.loaded)) is not None
            ):
                raise EnvironmentRefusedError(f"{limit}: {text}")
            raise RunFailedError(text, log=self._log_of(child))
        if not all(child.done for child in self.children):
            rank = self.heartbeats.culprit() if self.job.ranks > 1 else None
            raise DeadlineError(
                f"the deadline passed{self._held_up(rank)}: give more time with --deadline, or do less",
                log=self._log_of(self.children[rank or 0]) if self.children else "",
            )

    def _held_up(self, rank: int | None) -> str:
        if self.job.ranks == 1:
            return ""
        if rank is None:
            return " while every rank waited for a message: which one is at fault cannot be told"
        return f" while rank {rank} was {self._last_of(rank)}"

    def _last_of(self, rank: int) -> str:
        """The last thing a rank wrote down, in words."""
        beat = self.heartbeats.read(rank)
        action = self._action_text(rank, beat.action)
        return f"{beat.doing}{f' ({action})' if action else ''}"

    def _action_text(self, rank: int, number: int) -> str:
        """A rank's n-th action, empty where there is none; with its part of the model where that is no layer's."""
        if not isinstance(self.job, messages.Job) or self.job.task != "launch":
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

    def _log_of(self, child: _Child) -> str:
        """What the culprit left behind: its last word, its output, and what every rank did last."""
        told = [failed.traceback or failed.cause for failed in child.failed]
        output = deaths.end_of(child.log)
        ranks = [f"rank {rank} was {self._last_of(rank)}" for rank in range(self.job.ranks)]
        parts = (f"culprit: {child.name}", *told, output, *(ranks if self.job.ranks > 1 else []))
        return "\n".join(part.rstrip() for part in parts if part.strip()) + "\n"


def _start(folder: Path, rank: int, job: messages.Work) -> _Child:
    reading, writing = os.pipe()
    log = folder / f"log-{rank}"
    try:
        with log.open("wb") as output:
            started = subprocess.Popen(
                [
                    *(
                        sys.executable,
                        "-P",
                        "-m",
                        "pipebench.runtime.launch",
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
    name = "the launch" if job.ranks == 1 else f"rank {rank}"
    return _Child(rank, name, started, reading, log)
