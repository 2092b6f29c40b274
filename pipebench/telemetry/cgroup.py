"""What a container's control groups leave to this process: processor time and memory, of cgroup versions 1 and 2.

A limit holds for all that lies below it, so the groups above the process's own count as well. What the system does not
tell is ``None``.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

ROOT = Path("/")  # of the file system: tests put up another one
_NO_LIMIT = 2**60  # version 1 writes the largest whole number of pages


class _Group(NamedTuple):
    """A control group's folder, and whether its files are named as in version 2."""

    folder: Path
    unified: bool


def quota_cores(root: Path | None = None) -> float | None:
    """How many cores' worth of time the tightest quota allows; ``None`` if there is none."""
    quotas = [quota for group in _groups("cpu", root or ROOT) if (quota := _quota(group)) is not None]
    return min(quotas, default=None)


def memory_limit_bytes(root: Path | None = None) -> int | None:
    """The tightest limit on memory; ``None`` if there is none."""
    limits = [limit for group in _groups("memory", root or ROOT) if (limit := _limit(group)) is not None]
    return min(limits, default=None)


def memory_left_bytes(root: Path | None = None) -> int | None:
    """What can still be allocated below every limit; ``None`` if there is none.

    Files that were read and may be dropped again count as free, as they do in the system's own figure.
    """
    left = []
    for group in _groups("memory", root or ROOT):
        limit = _limit(group)
        if limit is not None:
            left.append(max(limit - _usage(group), 0))
    return min(left, default=None)


def throttled_s(root: Path | None = None) -> float | None:
    """For how long quotas have held the group back so far; ``None`` where no group of it has a quota."""
    times = [_throttled(group) for group in _groups("cpu", root or ROOT) if _quota(group) is not None]
    return max((seconds for seconds in times if seconds is not None), default=None)


def memory_kills(root: Path | None = None) -> list[int]:
    """How many processes were ended for lack of memory so far, in each group that counts them."""
    found = []
    for group in _groups("memory", root or ROOT):
        file = "memory.events" if group.unified else "memory.oom_control"
        count = entry(group.folder / file, "oom_kill")
        found += [] if count is None else [count]
    return found


def _quota(group: _Group) -> float | None:
    if group.unified:
        quota, _, period = _text(group.folder / "cpu.max").partition(" ")
    else:
        quota = _text(group.folder / "cpu.cfs_quota_us")
        period = _text(group.folder / "cpu.cfs_period_us")
    if not (quota.isdecimal() and period.isdecimal()) or not int(period):
        return None  # "max", "-1", or no such file
    return int(quota) / int(period)


def _limit(group: _Group) -> int | None:
    text = _text(group.folder / ("memory.max" if group.unified else "memory.limit_in_bytes"))
    return int(text) if text.isdecimal() and int(text) < _NO_LIMIT else None


def _usage(group: _Group) -> int:
    usage = _text(group.folder / ("memory.current" if group.unified else "memory.usage_in_bytes"))
    cached = entry(group.folder / "memory.stat", "inactive_file" if group.unified else "total_inactive_file")
    return max(int(usage) - (cached or 0), 0) if usage.isdecimal() else 0


def _throttled(group: _Group) -> float | None:
    name, scale = ("throttled_usec", 1e-6) if group.unified else ("throttled_time", 1e-9)
    value = entry(group.folder / "cpu.stat", name)
    return None if value is None else value * scale


def _groups(controller: str, root: Path) -> Iterator[_Group]:
    """The groups that this process is in, its own first, as far up as is seen from here."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controllers and controller not in controllers.split(","):
            continue
        unified = not controllers
        for mount_root, mount in _mounts("cgroup2" if unified else "cgroup", controller, root):
            yield from map(partial(_Group, unified=unified), _upwards(mount, mount_root, path))
            break


def _upwards(mount: Path, mount_root: str, path: str) -> Iterator[Path]:
    """The folders from a group's own up to where its hierarchy is mounted.

    A container may see its group's path from outside while its own group is all that is mounted.
    """
    own, top = PurePosixPath(path), PurePosixPath(mount_root)
    below = own.relative_to(top) if own.is_relative_to(top) else PurePosixPath()
    folder = mount / below
    while True:
        if folder.is_dir():
            yield folder
        if folder == mount:
            return
        folder = folder.parent


def _mounts(kind: str, controller: str, root: Path) -> Iterator[tuple[str, Path]]:
    """Where hierarchies of a kind are mounted: the group at the top, and the folder."""
    for line in _text(root / "proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        place, filesystem = before.split(), after.split()
        if len(place) < 5 or len(filesystem) < 3 or filesystem[0] != kind:
            continue
        if kind == "cgroup" and controller not in filesystem[2].split(","):
            continue
        yield _plain(place[3]), root / _plain(place[4]).lstrip("/")


def _plain(text: str) -> str:
    r"""A path of mountinfo, in which white space and backslashes are written as ``\040``."""
    return text.encode("latin-1", "backslashreplace").decode("unicode_escape") if "\\" in text else text


def entry(path: Path, name: str) -> int | None:
    """A number in a file of ``name number`` lines."""
    for line in _text(path).splitlines():
        key, _, value = line.partition(" ")
        if key == name and value.isdecimal():
            return int(value)
    return None


def _text(path: Path) -> str:
    """A small file's text, empty if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape").strip()
    except OSError:
        return ""
