"""The environment block of a record: an allow-list, so that no secret can slip in.

What the system does not tell is ``None``.
"""

import os
import platform
import sys
from pathlib import Path
from typing import NamedTuple

from pipebench import __version__
from pipebench.telemetry import cgroup

Value = str | int | float | bool | None


def environment() -> dict[str, Value]:
    """What this process can tell without torch; the measuring process adds what it knows."""
    return {
        "pipebench": __version__,
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "system": platform.system(),
        "release": platform.release(),
        "architecture": platform.machine(),
        "libc": " ".join(platform.libc_ver()).strip() or None,
        "cpu_model": cpu_model(),
        "cpu_count": cpu_count(),
        "cpus_allowed": cpus_allowed(),
        "cpu_quota_cores": cgroup.quota_cores(),
        "memory_bytes": _meminfo_bytes("MemTotal"),
        "memory_limit_bytes": cgroup.memory_limit_bytes(),
        "memory_available_bytes": memory_available_bytes(),
        "load_average_1min": load_average(),
    }


def cpu_model() -> str:
    """The processor's name, or its architecture where the system does not tell."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine() or "unknown CPU"


def cpu_count() -> int | None:
    """How many cores this machine has; ``os.cpu_count`` would say what PYTHON_CPU_COUNT says, where that is set."""
    try:
        return os.sysconf("SC_NPROCESSORS_ONLN")
    except (AttributeError, ValueError, OSError):
        return os.cpu_count()


def cpus_allowed() -> int | None:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def usable_cores() -> float | None:
    """How many cores' worth of time this process may use: by its affinity, and by the container's quota."""
    return least(cpus_allowed(), cgroup.quota_cores())


def least(one: float | None, other: float | None) -> float | None:
    """The tighter of two limits, of which either may be unknown or not there."""
    known = [limit for limit in (one, other) if limit is not None]
    return min(known, default=None)


class LostTime(NamedTuple):
    """Processor time that was kept from this process so far, in seconds; ``None`` where the system does not tell."""

    throttled_s: float | None  # by the container's quota
    stolen_s: float | None  # from this machine, by the one that it is a guest of


def lost_time() -> LostTime:
    """Both as they stand now: what counts is how they grow while something runs."""
    return LostTime(cgroup.throttled_s(), _stolen_s())


def _stolen_s() -> float | None:
    """The eighth figure of the first line of /proc/stat, in ticks of all cores together."""
    try:
        fields = Path("/proc/stat").read_text(encoding="utf-8").split("\n", 1)[0].split()
        return int(fields[8]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return None


def load_average() -> float | None:
    """Processes that ran or waited in the last minute."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def memory_available_bytes() -> int | None:
    """What can be allocated without swapping, and without meeting a limit of the container."""
    left = least(_free_bytes(), cgroup.memory_left_bytes())
    return None if left is None else int(left)


def memory_is_limited() -> bool:
    """Whether the container's limit leaves less memory than the machine does."""
    left, free = cgroup.memory_left_bytes(), _free_bytes()
    return left is not None and (free is None or left < free)


def _free_bytes() -> int | None:
    return _meminfo_bytes("MemAvailable") or _physical_bytes()


def _physical_bytes() -> int | None:
    """All memory, where the system does not tell what is free (macOS)."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _meminfo_bytes(name: str) -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return None
