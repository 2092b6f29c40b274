"""A run of many launches keeps the complete ones when a rank is killed, and listens on loopback alone."""

import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from tests.cli.conftest import COMMAND, TINY, environment

ENOUGH_S = 15.0  # from the fault to the end of the command, which takes 0.7 s on an idle machine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def started(folder: Path) -> "subprocess.Popen[str]":
    """A run of two ranks and many launches."""
    return subprocess.Popen(
        [COMMAND, "run", "--device", "cpu", "--gpus", "2", *TINY, "--launches", "100", "-o", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )


def test_complete_launches_are_kept(folder: Path) -> None:
    """A rank that is killed later, by hand, in the second launch or after."""
    process = started(folder)
    assert process.stderr is not None
    for line in process.stderr:
        if "launch 3" in line:
            break
    said: list[str] = []
    reader = Thread(target=lambda: said.extend(process.stderr or ()))
    reader.start()
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:  # a rank may just have done its work
        for victim in victims(process.pid):
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        time.sleep(0.2)
    assert process.wait(ENOUGH_S) == 6
    reader.join()
    rest = "".join(said)
    assert "was killed by SIGKILL" in rest
    process.stderr.close()
    (path,) = folder.glob("*.json")
    record = json.loads(path.read_text())
    assert (record["status"], len(record["launches"]) >= 2) == ("failed", True)
    assert record["speedup"] is not None


def victims(launcher: int) -> list[int]:
    """The last rank of the launch that runs, if one does."""
    found = subprocess.run(["pgrep", "-P", str(launcher)], capture_output=True, text=True, check=False)
    return [int(pid) for pid in found.stdout.split()[-1:]]


def test_nothing_listens_outside_loopback(folder: Path) -> None:
    process = started(folder)
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if "launch 2" in line:
                break
        listening: set[str] = set()
        deadline = time.monotonic() + 60
        while not listening and time.monotonic() < deadline:
            pids = subprocess.run(
                ["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False
            )
            for pid in pids.stdout.split():
                listening |= listeners(int(pid))
        assert listening
        assert listening <= {"0100007F"}  # 127.0.0.1, in the byte order of /proc/net/tcp
    finally:
        process.terminate()
        process.wait(ENOUGH_S)
        process.stderr.close()


def listeners(pid: int) -> set[str]:
    """The addresses on which a process listens."""
    inodes = set()
    try:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            target = str(descriptor.readlink())
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
        tables = [Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    except OSError:
        return set()
    rows = [line.split() for table in tables for line in table]
    return {row[1].partition(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes}
