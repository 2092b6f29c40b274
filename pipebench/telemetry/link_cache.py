"""Where the measured link of this machine is kept: the user's cache folder, one file a kind of machine."""

import hashlib
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import msgspec

from pipebench.telemetry import cache
from pipebench.telemetry.environment import cpu_model, usable_cores
from pipebench.timing.measured_link import MeasuredLink

_FORMAT = 1


def path() -> Path:
    """The file of this machine: another processor, number of cores, host or torch is another file."""
    parts = (_FORMAT, cpu_model(), usable_cores(), platform.node(), platform.release(), version("torch"))
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
    return cache.folder() / f"link-{digest}.json"


@contextmanager
def measuring(waiting: Callable[[], None]) -> Iterator[bool]:
    """Be the only one of this user's runs that measures the link; yields whether that is certain.

    Args:
        waiting: called again and again while another run measures it; may raise.
    """
    with cache.locked(path().with_suffix(".lock"), waiting) as mine:
        yield mine


def load() -> MeasuredLink | None:
    """What was measured here before; ``None`` if nothing was, or the file is broken."""
    return cache.read(path(), MeasuredLink)


def save(link: MeasuredLink) -> Path | None:
    """Keep a link, whole or not at all; ``None`` where nothing can be written, which only costs time later."""
    return cache.write(path(), msgspec.json.format(msgspec.json.encode(link), indent=1) + b"\n")
