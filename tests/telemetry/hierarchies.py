"""Control groups to put up in a folder: what a kernel shows of them under /proc and /sys."""

from pathlib import Path


def write(root: Path, **files: str) -> Path:
    """Files by their path below ``root``, with ``__`` for a slash and ``___`` for a point."""
    for name, text in files.items():
        path = root / name.replace("___", ".").replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def version_2(root: Path, *, group: str = "/job/step", mounted: str = "/", **files: str) -> Path:
    """One hierarchy at /sys/fs/cgroup, of which ``mounted`` is the top; ``files`` lie below it."""
    named = {f"sys__fs__cgroup__{name}": text for name, text in files.items()}
    return write(
        root,
        proc__self__cgroup=f"0::{group}\n",
        proc__self__mountinfo=f"31 23 0:28 {mounted} /sys/fs/cgroup rw shared:4 - cgroup2 cgroup rw,nsdelegate\n",
        **named,
    )


def version_1(root: Path, *, group: str = "/docker/abc", mounted: str = "/", **files: str) -> Path:
    """One hierarchy a controller, beside an empty one of version 2, as systemd has it."""
    named = {f"sys__fs__cgroup__{name}": text for name, text in files.items()}
    places = "".join(
        f"{number} 31 0:{number} {mounted} /sys/fs/cgroup/{name} rw - cgroup cgroup rw,{options}\n"
        for number, (name, options) in enumerate((("cpu", "cpu,cpuacct"), ("memory", "memory")), start=32)
    )
    return write(
        root,
        proc__self__cgroup=f"4:memory:{group}\n2:cpu,cpuacct:{group}\n1:name=systemd:/user\n0::/user\n",
        proc__self__mountinfo=f"{places}40 31 0:40 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
        **named,
    )
