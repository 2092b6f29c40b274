"""Several hosts on one machine, for real: network namespaces with a host name each, joined by a bridge.

Needs root, iproute2 and unshare. All of it is gone when the block is left.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path

CABLE = Path(__file__).with_name("cable.py")
_NUMBERS = count()
_NEEDED = ("ip", "unshare", "hostname")


def why_not() -> str | None:
    """What is missing for hosts of one's own; ``None`` if nothing is."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "not root"
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} not installed"
    name = f"pb{os.getpid()}probe"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode:
        return "this kernel or sandbox has no network namespaces"
    subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
    return None


class Hosts:
    """So many hosts, numbered from 0, that reach each other by name and address."""

    def __init__(self, names: Sequence[str], addresses: Sequence[str], switch: str) -> None:
        self.names, self.addresses, self.switch = names, addresses, switch
        self.processes: list[subprocess.Popen[str]] = []

    def start(
        self, host: int, command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path
    ) -> "subprocess.Popen[str]":
        """A command on one of them, in a process group of its own."""
        name = self.names[host]
        process = subprocess.Popen(
            [
                *("ip", "netns", "exec", name, "unshare", "--uts", "sh", "-c"),
                *('hostname "$0"; exec "$@"', name, *command),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def set_link(self, host: int, state: str) -> None:
        """Take a host's interface ``up`` or ``down``."""
        _ip("-n", self.names[host], "link", "set", "eth0", state)


@contextlib.contextmanager
def hosts(number: int, *, version: int = 4, delay_s: float | None = None) -> Iterator[Hosts]:
    """Hosts with addresses of one version of the internet protocol alone.

    With a delay there are two, and a cable between them that each frame takes so long to go through.
    """
    tag = f"{os.getpid() % 100000}x{next(_NUMBERS)}"
    names = [f"pb{tag}h{host}" for host in range(number)]
    switch = f"pb{tag}sw"
    addresses = [f"fd00:9b::{host + 1}" if version == 6 else f"10.155.0.{host + 1}" for host in range(number)]
    folders = [Path("/etc/netns") / name for name in names]
    found = Hosts(names, addresses, switch)
    try:
        _ip("netns", "add", switch)
        _ip("-n", switch, "link", "add", "bridge", "type", "bridge")
        _ip("-n", switch, "link", "set", "bridge", "up")
        for host, (name, address, folder) in enumerate(zip(names, addresses, folders, strict=True)):
            _ip("netns", "add", name)
            port = f"port{host}"
            _ip("-n", switch, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
            joined = ("master", "bridge") if delay_s is None else ("mtu", "65000")
            _ip("-n", switch, "link", "set", port, *joined, "up")
            if version == 6:
                _ip("-n", name, "address", "add", f"{address}/64", "dev", "eth0", "nodad")
            else:
                _ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            for interface in ("lo", "eth0"):
                _ip("-n", name, "link", "set", interface, "up")
            if delay_s is not None:
                _ip("-n", name, "link", "set", "eth0", "mtu", "65000")
                _in(name, sys.executable, str(CABLE), "--without-offloads", "eth0")
                _in(name, "sh", "-c", "echo 0 > /proc/sys/net/ipv4/tcp_slow_start_after_idle")
            folder.mkdir(parents=True, exist_ok=True)
            known = "".join(f"{there} {whom}\n" for there, whom in zip(addresses, names, strict=True))
            # as Debian does: a machine's own name leads to an address of its own that nobody else reaches
            own = f"127.0.1.1 {name}\n" if version == 4 else ""
            (folder / "hosts").write_text(f"127.0.0.1 localhost\n::1 localhost\n{own}{known}")
        if delay_s is not None:
            cable = subprocess.Popen(
                ["ip", "netns", "exec", switch, sys.executable, str(CABLE), "port0", "port1", str(delay_s)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            found.processes.append(cable)
            assert cable.stdout is not None
            assert cable.stdout.readline() == "ready\n"
        yield found
    finally:
        for process in found.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        for name in (*names, switch):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


def _in(namespace: str, *command: str) -> None:
    _ip("netns", "exec", namespace, *command)


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
