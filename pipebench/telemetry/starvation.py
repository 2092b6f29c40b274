"""How many processes the kernel has ended for lack of memory, as far as it counts them."""

from pathlib import Path

from pipebench.telemetry import cgroup


def processes_ended(root: Path | None = None) -> int | None:
    """All so far, of this machine and of the container that this process is in; ``None`` if neither is counted."""
    of_machine = cgroup.entry((root or cgroup.ROOT) / "proc/vmstat", "oom_kill")
    counts = [count for count in (of_machine, *cgroup.memory_kills(root)) if count is not None]
    return sum(counts) if counts else None
