"""A signal ends a run with its exit code, keeps what was measured, and leaves no process behind."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND, TINY, environment
from tests.cli.saved import status_of_the_only_record


def started(folder: Path, *options: str) -> "subprocess.Popen[str]":
    """A run that goes on while its progress is read."""
    return subprocess.Popen(
        [COMMAND, "run", "--gpus", "2", *TINY, *options, "-o", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )


def test_a_signal_before_the_first_launch_leaves_a_record(tmp_path: Path) -> None:
    """As soon as the run has said what its devices are, long before a launch can be complete."""
    process = started(tmp_path, "--steps", "100000")
    assert process.stderr is not None
    with process.stderr as lines:
        assert any("device: " in line for line in lines)
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
        process.send_signal(signal.SIGINT)  # an impatient user loses nothing
        lines.read()
    assert process.wait(60) == 130
    record = status_of_the_only_record(tmp_path)
    assert (record["status"], record["launches"]) == ("aborted", [])


def start(folder: Path, device: str) -> tuple["subprocess.Popen[str]", list[int]]:
    """A long run once its first launch is complete, and the processes that measure for it."""
    process = started(folder, "--device", device, "--launches", "500")
    assert process.stderr is not None
    with process.stderr as lines:
        assert any("launch 2" in line for line in lines)
    deadline = time.monotonic() + 60
    while len(measuring := children(process.pid)) < PROCESSES[device]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process, measuring


PROCESSES = {"emulated": 1, "cpu": 2}
ENOUGH_S = 10.0  # an end in order takes a third of a second on an idle machine


def children(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("device", PROCESSES)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_and_keeps_its_launches(
    tmp_path: Path, number: int, code: int, device: str
) -> None:
    process, measuring = start(tmp_path, device)
    process.send_signal(number)
    assert process.wait(ENOUGH_S) == code
    assert not any(alive(pid) for pid in measuring)
    record = status_of_the_only_record(tmp_path)
    assert record["status"] == "aborted"
    assert len(record["launches"]) >= 1  # type: ignore[arg-type]
    assert record["speedup"] is not None


def test_a_second_signal_leaves_nothing_behind_either(tmp_path: Path) -> None:
    process, measuring = start(tmp_path, "cpu")
    for _ in range(5):
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    assert process.wait(ENOUGH_S) == 130
    assert not any(alive(pid) for pid in measuring)
    assert status_of_the_only_record(tmp_path)["status"] == "aborted"


@pytest.mark.parametrize("device", PROCESSES)
def test_no_process_outlives_a_killed_launcher(tmp_path: Path, device: str) -> None:
    process, measuring = start(tmp_path, device)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    gone_by = time.monotonic() + ENOUGH_S
    while any(alive(pid) for pid in measuring) and time.monotonic() < gone_by:
        time.sleep(0.05)
    assert not any(alive(pid) for pid in measuring)
