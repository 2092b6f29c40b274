"""Where the measured link of this machine is kept: the user's cache folder, one file a kind of machine."""

import hashlib
import os
import platform
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import msgspec

from pipebench.telemetry.environment import cpu_model, cpus_allowed
from pipebench.timing.measured_link import MeasuredLink

_FORMAT = 1


def path() -> Path:
    """The file of this machine: another processor, number of cores, host or torch is another file."""
    parts = (_FORMAT, cpu_model(), cpus_allowed(), platform.node(), platform.release(), version("torch"))
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
    return _folder() / f"link-{digest}.json"


def load() -> MeasuredLink | None:
    """What was measured here before; ``None`` if nothing was, or the file is no good."""
    try:
        return msgspec.json.decode(path().read_bytes(), type=MeasuredLink)
    except (OSError, msgspec.DecodeError):
        return None


def save(link: MeasuredLink) -> Path | None:
    """Keep it, whole or not at all; ``None`` where nothing can be written, which only costs time later."""
    target = path()
    temporary = target.with_suffix(f".{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(msgspec.json.format(msgspec.json.encode(link), indent=1) + b"\n")
        temporary.replace(target)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        return None
    return target


def _folder() -> Path:
    """The user's cache folder, as the system has it."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "pipebench"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "pipebench" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pipebench"
