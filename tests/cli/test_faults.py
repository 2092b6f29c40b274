"""A rank that breaks ends the run: in time, with the culprit named, and with nothing left behind."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from pipebench.errors import RunFailedError
from pipebench.launching import messages
from pipebench.launching.launcher import Launcher
from pipebench.models.text import data
from tests.builders import run_config
from tests.cli.conftest import COMMAND, TINY, environment

RANKS = 3
# where a fault comes to pass, and what the culprit's line says of it
FAULTS = {
    "raise": "rank {rank}: RuntimeError: injected at {place}",
    "kill": "rank {rank} was killed by SIGKILL",
    "exit": "rank {rank} exited with 7",
    "leave": "rank {rank} exited with 0 before it was done",
}
PLACES = ("start", "warm-up", "timed")
CELLS = [(fault, rank, place) for fault in FAULTS for rank in range(RANKS) for place in PLACES]
HANGS = [("hang", rank, place) for rank in range(RANKS) for place in PLACES]
# with a shared softmax: in an action of each rank, of its layers, its shard or the loss
SHARED = {"1": ("0B1:0", "1F0:1", "2F0:2"), "all": ("3F1:0", "6F0:1", "5B0:2")}
IN_ACTIONS = [(shared, fault, place) for shared in SHARED for fault in FAULTS for place in SHARED[shared]]
SOME_IN_ACTIONS = [IN_ACTIONS[n] for n in (2, 4, 14, 16)]
HANGS_IN_ACTIONS = [(shared, place) for shared in SHARED for place in SHARED[shared]]
TEXTS = {  # of the action that hangs
    "0B1:0": "computing (0B1)",
    "1F0:1": "computing (1F0)",
    "2F0:2": "computing (2F0: softmax 0-199)",
    "3F1:0": "computing (3F1: softmax 0-",
    "6F0:1": "computing (6F0: loss)",
    "5B0:2": "computing (5B0: softmax 35-199)",
}
TIMES = os.environ.get("PIPEBENCH_FAULT_TIMES")  # a file for benchmarks/faults
TO_WAIT_S = (
    1.0  # from a hang to the deadline: until then the other ranks have begun to wait for the one that hangs
)
ENOUGH_S = 15.0  # from the fault to the end of the command, which takes 0.7 s on an idle machine
SOME = [CELLS[n] for n in (0, 4, 8, 10, 14, 17, 18, 23, 25, 31)]


def run(fault: str, folder: Path, *arguments: str) -> tuple[int, str, float]:
    """Exit code, stderr, and seconds from the fault to the end of the command."""
    clock = folder.parent / "clock"
    ended = subprocess.run(
        [COMMAND, "run", "--device", "cpu", "--gpus", str(RANKS), *TINY, "-o", str(folder), *arguments],
        capture_output=True,
        text=True,
        env=environment(
            PIPEBENCH_INJECT=fault,
            PIPEBENCH_INJECT_CLOCK=str(clock),
            TMPDIR=str(folder.parent / "tmp"),
        ),
        timeout=600,
        check=False,
    )
    now = time.time()
    if not clock.exists():
        raise NeverCameToPassError(ended.stderr)
    return ended.returncode, ended.stderr, now - float(clock.read_text())


class NeverCameToPassError(Exception):
    """A busy machine had not come to the fault when the deadline passed."""


def note(fault: str, rank: int, place: str, seconds: float) -> None:
    """Keep the time for the table in benchmarks/faults."""
    if TIMES is not None:
        with Path(TIMES).open("a") as file:
            file.write(json.dumps({"fault": fault, "rank": rank, "place": place, "seconds": seconds}) + "\n")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    every = metafunc.config.getoption("--all-faults")
    if "cell" in metafunc.fixturenames:
        metafunc.parametrize("cell", CELLS if every else SOME, ids=lambda cell: "-".join(map(str, cell)))
    if "hang" in metafunc.fixturenames:
        some = [cell for cell in HANGS if cell[2] == "timed"]
        metafunc.parametrize("hang", HANGS if every else some, ids=lambda cell: "-".join(map(str, cell)))
    if "in_action" in metafunc.fixturenames:
        cells = IN_ACTIONS if every else SOME_IN_ACTIONS
        metafunc.parametrize("in_action", cells, ids="-".join)
    if "hang_in_action" in metafunc.fixturenames:
        some_hangs = HANGS_IN_ACTIONS if every else [HANGS_IN_ACTIONS[n] for n in (2, 4)]
        metafunc.parametrize("hang_in_action", some_hangs, ids="-".join)
    if "repetitions" in metafunc.fixturenames:
        metafunc.parametrize("repetitions", [20 if every else 4])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tmp").mkdir()
    return tmp_path / "runs"


def nothing_left(folder: Path) -> bool:
    """No process of the run (each is told its folder) and no temporary folder."""
    temporary = folder.parent / "tmp"
    found = subprocess.run(["pgrep", "-f", str(temporary)], capture_output=True, text=True, check=False)
    return not found.stdout and not list(temporary.iterdir())


def in_shared_memory() -> set[Path]:
    return set(Path("/dev/shm").iterdir())


def orphans(before: set[Path]) -> set[Path]:
    """What is new in shared memory and in no process's use; other programs of this machine have files there too."""
    new = in_shared_memory() - before
    for maps in Path("/proc").glob("[0-9]*/maps") if new else ():
        try:
            used = maps.read_text(errors="replace")
        except OSError:
            continue
        new = {path for path in new if str(path) not in used}
    return {path for path in new if path.exists()}


def test_the_culprit_is_named_and_nothing_is_left(cell: tuple[str, int, str], folder: Path) -> None:
    note(*cell, culprit_is_named(*cell, folder))


def test_with_a_shared_softmax_the_culprit_is_named_in_whatever_action_it_breaks(
    in_action: tuple[str, str, str], folder: Path
) -> None:
    shared, fault, where = in_action
    place, _, rank = where.partition(":")
    culprit_is_named(fault, int(rank), place, folder, "--softmax-devices", shared)


def culprit_is_named(fault: str, rank: int, place: str, folder: Path, *options: str) -> float:
    """Seconds from the fault to the end of the command."""
    shared_memory = in_shared_memory()
    code, err, seconds = run(f"{fault}@{place}:{rank}", folder, *options)
    assert code == 6
    assert seconds < ENOUGH_S
    assert FAULTS[fault].format(rank=rank, place=place) in err
    assert nothing_left(folder)
    assert not orphans(shared_memory)
    (path,) = folder.glob("*.json")
    record = json.loads(path.read_text())
    assert record["status"] == "failed"
    log = (folder / record["failure"]["log"]).read_text()
    assert log.startswith(f"culprit: rank {rank}\n")
    assert ("Traceback" in log) == (fault == "raise")
    assert f"log of the culprit: {folder / record['failure']['log']}" in err
    return seconds


def test_a_hang_ends_at_the_deadline_with_the_culprit_named(hang: tuple[str, int, str], folder: Path) -> None:
    _, rank, place = hang
    late_s, err = hung(rank, place, folder)
    note(*hang, late_s)
    assert f"while rank {rank} was" in err


def test_with_a_shared_softmax_a_hang_is_told_with_its_action_and_what_that_is_part_of(
    hang_in_action: tuple[str, str], folder: Path
) -> None:
    shared, where = hang_in_action
    place, _, rank = where.partition(":")
    _, err = hung(int(rank), place, folder, "--softmax-devices", shared)
    assert f"while rank {rank} was {TEXTS[where]}" in err


def hung(rank: int, place: str, folder: Path, *options: str) -> tuple[float, str]:
    """How late the command ended, in seconds, and its stderr."""
    for deadline_s in (5.0, 20.0, 60.0):
        started = time.time()
        try:
            code, err, seconds = run(f"hang@{place}:{rank}", folder, "--deadline", str(deadline_s), *options)
        except NeverCameToPassError:
            shutil.rmtree(folder)
            continue
        late_s = time.time() - started - deadline_s
        if seconds - late_s > TO_WAIT_S:
            break
        shutil.rmtree(folder)
    assert code == 8
    assert late_s < ENOUGH_S
    assert nothing_left(folder)
    (path,) = folder.glob("*.json")
    record = json.loads(path.read_text())
    assert record["status"] == "aborted"
    log = (folder / record["failure"]["log"]).read_text()
    assert log.startswith(f"culprit: rank {rank}\n")
    assert log.count(" was ") == RANKS  # what every rank did last
    return late_s, err


def test_many_in_a_row_leak_nothing(
    repetitions: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Launches that break one after another in one process: its open files and children stay as they were."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    shared_memory = in_shared_memory()
    config = run_config(device="cpu", synthetic=True)
    job = messages.Job(config=config, data=data.load(config))
    open_files = []
    for number in range(repetitions):
        fault, rank, place = CELLS[number * 7 % len(CELLS)]
        monkeypatch.setenv("PIPEBENCH_INJECT", f"{fault}@{place}:{rank % 2}")
        with pytest.raises(RunFailedError):
            list(Launcher(deadline=time.monotonic() + 60).run(job))
        open_files.append(len(list(Path("/proc/self/fd").iterdir())))
    assert set(open_files) == {open_files[0]}
    assert not list(tmp_path.iterdir())
    assert not orphans(shared_memory)
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    names = [Path(f"/proc/{child}/cmdline").read_bytes() for child in children]
    assert not [name for name in names if b"pipebench.measuring.launch" in name]
