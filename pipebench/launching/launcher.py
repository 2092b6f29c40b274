"""The launcher: starts the fresh interpreters of a launch, listens to them, and ends them whatever happens.

It imports no torch, so it can act within milliseconds of a signal. A launch is one process that emulates all
devices, or one process for each rank. If an outer launcher started the ranks, the launcher has company.

    parent: this file, launching/launched.py           child, one for each rank: measuring/launch.py

    writes a folder: job.msgpack, place-RANK,
    log-RANK (a child's output), heartbeats
    starts the children            -- folder, rank ->  launching/process.py: tied to the parent, one thread, malloc
                                                       reads job and place, takes its core, imports torch
    reads all pipes                <- Loaded --------
                                   <- Environment ---  and Devices, where there are GPUs or several machines
                                                       makes baseline and pipeline, takes a first slice through
                                   <- Raced ---------  first launch only: the race of the baseline's forms
                                   <- Verified ------  first launch only: the same loss, gradients and update
                                                       warms up
                                   <- Measured ------  timed one-step blocks
                                   <- Done ----------  ends
    every pipe has ended: ``end``

Every child reports Loaded and then Done, or Failed. Only rank 0 reports the rest, and a Progress before work that takes
long. Another task (layers, costs, link, describing) has one report of its own in place of Raced, Verified and Measured.

    what happens               how the children end                    what the parent raises
    all are done               by themselves                           nothing
    one fails or dies          ``end``, after a grace of 0.5 s         what broke first: ``company.raise_first``
    the deadline passes        ``end``                                 DeadlineError, with the heartbeats' culprit
    a signal to the parent     ``end``, in a ``finally``               InterruptedRunError or TerminatedRunError
    the parent is killed       the kernel kills them (Linux), or
                               they see their standard input end

``Launched.end`` kills the process group of each child. The grace is there because a victim's report may come before the
culprit's. It is longer if the launcher has company.
"""

import time
from collections.abc import Generator, Sequence
from pathlib import Path

import msgspec

from pipebench.launching import messages
from pipebench.launching.company import Led
from pipebench.launching.heartbeat import Heartbeats
from pipebench.launching.launched import Launched
from pipebench.launching.rendezvous.place import Place, on_one_machine
from pipebench.system import refusals
from pipebench.system.places import temporary_folder, writing_temporary_files

_BEYOND_THE_DEADLINE_S = 600.0  # a rank's wait must not end before the launcher names the culprit


class Launcher:
    """Runs jobs one at a time until ``deadline`` (on the ``time.monotonic`` clock).

    Args:
        deadline: when the job that still runs is given up.
        company: the ranks that other launchers start; by default this launcher starts all ranks.
    """

    def __init__(self, *, deadline: float, company: Led | None = None) -> None:
        self.deadline, self.company = deadline, company

    def run(self, job: messages.Work) -> Generator[messages.AnyMessage, None, None]:
        """Start a launch and yield what it reports; all its processes have ended when this generator ends.

        Raises:
            EnvironmentRefusedError: The system, or what is installed on it, does not let the launch start.
            RunFailedError: A process broke or died; the text names the culprit, not its victims.
            DeadlineError: The deadline passed; the text names the rank that held up the others.
            UsageError: The user's own layers are not what they should be.
        """
        left_s = max(self.deadline - time.monotonic(), 0.0)
        job = msgspec.structs.replace(job, patience_s=left_s + _BEYOND_THE_DEADLINE_S)
        with (
            refusals.told("a launch cannot be started"),
            temporary_folder() as folder,
        ):
            company = self.company if isinstance(job, messages.Job) and job.ranks > 1 else None
            if company is not None and isinstance(job, messages.Job):
                places = [company.begin(job)]
            else:
                places = [on_one_machine(rank, job.ranks) for rank in range(job.ranks)]
            heartbeats = prepared(folder, job, places)
            launch = Launched(folder, job, heartbeats, deadline=self.deadline, places=places, company=company)
            try:
                yield from launch.reports()
            finally:
                launch.end()
                heartbeats.close()


def prepared(folder: Path, job: messages.Work, places: Sequence[Place]) -> Heartbeats:
    """Write all files that the processes of these ranks need into the folder; their heartbeats.

    Raises:
        EnvironmentRefusedError: The files cannot be written, for example because the disk is full.
    """
    with writing_temporary_files():
        (folder / "job.msgpack").write_bytes(msgspec.msgpack.encode(job))
        for place in places:
            (folder / f"place-{place.rank}").write_bytes(msgspec.msgpack.encode(place))
            (folder / f"log-{place.rank}").touch()
        return Heartbeats(folder / "heartbeats", job.ranks)
