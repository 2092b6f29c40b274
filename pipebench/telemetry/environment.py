"""The environment block of a record: an allow-list, so that no secret can slip in.

What the system does not tell is ``None``.
"""

import os
import platform
import sys
from pathlib import Path

from pipebench import __version__

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
        "cpu_count": os.cpu_count(),
        "cpus_allowed": cpus_allowed(),
        "memory_bytes": _meminfo_bytes("MemTotal"),
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


def cpus_allowed() -> int | None:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def load_average() -> float | None:
    """Processes that ran or waited in the last minute."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def memory_available_bytes() -> int | None:
    """What can be allocated without swapping."""
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
