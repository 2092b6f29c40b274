"""The link of this machine: as it was kept, or as one run measures it while the others wait for it.

A link that was measured under load is good enough for the run that needs it now, but is not kept for later runs.
"""

import time
from contextlib import closing

import msgspec

from pipebench.errors import DeadlineError, RunFailedError
from pipebench.launching import messages
from pipebench.launching.launcher import Launcher
from pipebench.run.listener import Doing, Listener
from pipebench.telemetry import link_cache, other_runs
from pipebench.telemetry.environment import load_average
from pipebench.timing.measured_link import MeasuredLink


def known(job: messages.Job, launcher: Launcher, listener: Listener, *, remeasure: bool) -> MeasuredLink:
    """The link, measured if it is not kept or is to be measured again.

    Args:
        job: the job of the run, which says what to start.
        launcher: starts the two processes.
        listener: hears of progress.
        remeasure: whether to measure even if a link is kept.

    Raises:
        DeadlineError: The run's deadline passed.
        RunFailedError: Measuring broke.
    """
    kept = None if remeasure else _kept(listener)
    if kept is not None:
        return kept
    with link_cache.measuring(lambda: _wait(launcher, listener)) as mine:
        kept = None if remeasure else _kept(listener)
        return kept if kept is not None else _measured(job, launcher, listener, keep=mine)


def _kept(listener: Listener) -> MeasuredLink | None:
    """The link as it was measured before on an idle machine; ``None`` if it was not."""
    link = link_cache.load()
    if link is None or link.doubtful:
        return None
    listener.notice(
        f"link: as measured on {link.created[:10]}, {link_cache.path()}; --remeasure measures again"
    )
    return link


def _wait(launcher: Launcher, listener: Listener) -> None:
    """Tell that another run measures the link, and end at the deadline."""
    listener.progress(Doing("the link", ("waiting for another run that measures it",)), 0.0)
    if time.monotonic() > launcher.deadline:
        raise DeadlineError(
            "the deadline passed while another run measured the link of this machine: give more time with --deadline"
        )


def _measured(job: messages.Job, launcher: Launcher, listener: Listener, *, keep: bool) -> MeasuredLink:
    load, link = load_average(), None
    started = launcher.run(msgspec.structs.replace(job, task=messages.Task.LINK))
    with other_runs.watched() as another_runs, closing(started) as reports:
        for message in reports:
            match message:
                case messages.Progress():
                    listener.progress(Doing.of(message.words), 0.0)
                case messages.LinkTimes():
                    link = msgspec.structs.replace(message.link, load_average=load)
        beside = another_runs()
    if link is None:
        raise RunFailedError("measuring the link ended without a result")
    listener.notice(f"link: measured between 2 processes{_end(link, keep=keep, beside=beside)}")
    return link


def _end(link: MeasuredLink, *, keep: bool, beside: bool) -> str:
    """Keep the link if it is fit; return what became of it, in words."""
    if beside:
        return ", not kept: another pipebench run measured beside it"
    if link.doubtful:
        return f", not kept: other programs ran in the minute before (load {link.load_average:.1f})"
    path = link_cache.save(link) if keep else None
    return f", kept in {path}" if path else ", not kept: the cache folder cannot be written or locked"
