"""The installed command, started once a rank by torchrun, on hosts of the test's own or on this machine."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from pipebench.records import store
from pipebench.records.run import RunRecord
from tests.cli.conftest import COMMAND, environment
from tests.hosts.hosts import Hosts

SCRIPT = Path(__file__).parents[2] / "examples" / "torchrun" / "run.sh"
RUN = ["--device", "cpu", "--preset", "tiny", "--synthetic", "--json"]
_PORT = 29511
PATIENCE_S = 120


class Ended(NamedTuple):
    """A launcher: its exit code, what it printed, and when it ended, on the monotonic clock."""

    code: int
    out: str
    err: str

    @property
    def record(self) -> Any:
        return json.loads(self.out)

    @property
    def told(self) -> str:
        """What pipebench said on stderr, without what torchrun makes of it."""
        return "\n".join(line for line in self.err.splitlines() if line.startswith(("pipebench: ", "kept: ")))


def start(
    hosts: Hosts,
    ranks_each: int,
    *more: str,
    cwd: Path,
    master: str | None = None,
    port: int = _PORT,
    env: Mapping[str, str] | None = None,
) -> list["subprocess.Popen[str]"]:
    """A torchrun on each host; each host has a folder of its own for records, as disks are not shared."""
    told = {
        "PYTHON": sys.executable,
        "NODES": str(len(hosts.names)),
        "RANKS": str(ranks_each),
        "MASTER": master or hosts.addresses[0],
        "PORT": str(port),
    }
    return [
        hosts.start(
            host,
            ["sh", str(SCRIPT), *RUN, "-o", str(cwd / f"host{host}"), *more],
            cwd=cwd,
            env=environment(**told, NODE=str(host), **(env or {})),
        )
        for host in range(len(hosts.names))
    ]


def end(processes: Sequence["subprocess.Popen[str]"]) -> list[Ended]:
    """Wait for all of them."""
    until = time.monotonic() + PATIENCE_S
    return [
        Ended(process.returncode, out, err)
        for process in processes
        for out, err in [process.communicate(timeout=max(until - time.monotonic(), 1))]
    ]


def launched(
    hosts: Hosts, ranks_each: int, *more: str, cwd: Path, master: str | None = None, **env: str
) -> list[Ended]:
    """From start to end."""
    return end(start(hosts, ranks_each, *more, cwd=cwd, master=master, env=env))


def records(folder: Path) -> list[Path]:
    """All that were stored."""
    return sorted(folder.rglob("*.json"))


def measuring(hosts: Hosts) -> dict[int, int]:
    """The process of each rank that measures now, by its rank."""
    found = {}
    inside = set()
    for name in hosts.names:
        pids = subprocess.run(
            ["ip", "netns", "pids", name], capture_output=True, text=True, check=True
        ).stdout
        inside |= set(map(int, pids.split()))
    for pid in inside:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"pipebench.measuring.launch" in words:
            found[int(words[words.index(b"pipebench.measuring.launch") + 2])] = pid
    return found


def until_timed(hosts: Hosts, ranks: int) -> dict[int, int]:
    """Wait until all ranks are at work, and have met."""
    end_s = time.monotonic() + 60
    while len(found := measuring(hosts)) < ranks:
        assert time.monotonic() < end_s, f"only ranks {sorted(found)} are there"
        time.sleep(0.05)
    while any(_cpu_s(pid) < 3.0 for pid in found.values()):
        assert time.monotonic() < end_s, "they do not come to work"
        time.sleep(0.05)
    return found


def _cpu_s(pid: int) -> float:
    """What a process took of a core so far; importing torch takes about two seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def begun_by_hand(ranks: int, cwd: Path, *more: str, **env: str) -> list["subprocess.Popen[str]"]:
    """A process a rank, with what ``env`` says of each, such as Slurm's variables."""
    words = [str(COMMAND), "run", *RUN, "-o", str(cwd / "records"), *more]
    return [
        subprocess.Popen(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd,
            env=environment(**{name: text.format(rank=rank) for name, text in env.items()}),
        )
        for rank in range(ranks)
    ]


def by_hand(ranks: int, cwd: Path, *more: str, **env: str) -> list[Ended]:
    """The same, from start to end."""
    return end(begun_by_hand(ranks, cwd, *more, **env))


def of_rank_0_alone(ended: list[Ended], folder: Path) -> RunRecord:
    """The one record, which is also what stdout of rank 0's launcher holds; all others say nothing."""
    assert [each.code for each in ended] == [0] * len(ended), [
        each.told or each.err[-2000:] for each in ended
    ]
    assert [each.out for each in ended[1:]] == [""] * (len(ended) - 1)
    (path,) = records(folder)
    record = store.read(path)
    assert isinstance(record, RunRecord)
    assert ended[0].out.encode() == path.read_bytes()
    return record


def free_port() -> str:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return str(server.getsockname()[1])


def until_listening(port: str) -> None:
    """Wait until a job's rank 0 has its store there."""
    end_s = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", int(port)), timeout=1).close()
        except OSError:
            assert time.monotonic() < end_s, f"nobody listens at port {port}"
            time.sleep(0.1)
        else:
            return


def slurm(ranks: int) -> dict[str, str]:
    return {
        "SLURM_PROCID": "{rank}",
        "SLURM_LOCALID": "{rank}",
        "SLURM_STEP_NUM_TASKS": str(ranks),
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_JOB_ID": "77",
        "MASTER_PORT": free_port(),
    }
