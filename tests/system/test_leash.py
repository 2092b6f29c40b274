"""What is tied to a process ends with it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipebench.system import leash

TIED = [sys.executable, "-I", leash.__file__]

# Starts a tied process that says its number and then waits.
STARTER = """
import os, subprocess, sys
tied = [*sys.argv[1:], str(os.getpid()), sys.executable, "-c",
        "import os, time; print(os.getpid(), flush=True); time.sleep(600)"]
subprocess.Popen(tied)
import time
time.sleep(600)
"""


def tied(*command: str, parent: int | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*TIED, str(parent or os.getpid()), *command], capture_output=True, text=True, check=False
    )


def test_a_tied_command_is_the_command_itself() -> None:
    ended = tied(sys.executable, "-c", "import sys; print(sys.argv[1]); sys.exit(7)", "a b")
    assert (ended.returncode, ended.stdout) == (7, "a b\n")


def test_a_command_that_does_not_start_says_so(tmp_path: Path) -> None:
    ended = tied(str(tmp_path / "no-python"))
    assert ended.returncode == leash.CANNOT
    assert ended.stderr == "cannot be started (No such file or directory)\n"


def test_whose_parent_is_gone_does_not_begin() -> None:
    ended = tied(sys.executable, "-c", "print('begun')", parent=1)
    assert (ended.returncode, ended.stdout) == (1, "")


@pytest.mark.skipif(sys.platform != "linux", reason="only the Linux kernel has such an order to kill")
def test_a_killed_parent_takes_it_along() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, *TIED], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(child, 0)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert ends(child)


def ends(process: int, within_s: float = 10.0) -> bool:
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        try:
            state = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":  # whoever adopted it has not looked yet
            return True
        time.sleep(0.02)
    return False
