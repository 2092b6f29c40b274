"""``pipebench ab`` on this machine: real runs of tiny models, worktrees, signals.

Nothing here rests on how quiet the machine is: what is put in is many times what noise can be, and gates lie in
between. Error rates are a matter of simulation (``tests/ab/test_error_rates.py``).
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import pipebench as package
from tests.cli.conftest import COMMAND, TINY, Pipebench, environment

REAL = ("--gpus", "2", *TINY, "--layers", "2", "--steps", "20")


def test_a_stage_five_times_as_slow_is_a_regression(pipebench: Pipebench, tmp_path: Path) -> None:
    """The speed-up falls to a fifth or so; to a half is what the gate asks for."""
    slow = ("--b-env", "PIPEBENCH_INJECT=slow@stage:1:400")
    gate = ("--gate", "speedup=50%", "--max-launches", "4", "--json")
    ended = pipebench("ab", *slow, *gate, "-o", str(tmp_path), "--", *REAL)
    assert ended.code == 3, ended.out
    document = json.loads(ended.out)
    assert document["metrics"]["speedup"]["change"] < -0.5
    assert document["metrics"]["step_s"]["verdict"] == "regression"
    path = Path(document["candidate"]["path"])
    codes = [warning["code"] for warning in json.loads(path.read_text())["warnings"]]
    assert codes[0] == "slowed-on-purpose"
    devices = json.loads(path.read_text())["devices"]
    assert max(devices, key=lambda device: device["busy_s"])["device"] == 1
    reference = json.loads(Path(document["reference"]["path"]).read_text())
    assert "slowed-on-purpose" not in [warning["code"] for warning in reference["warnings"]]


def test_the_same_on_both_sides_is_no_regression(pipebench: Pipebench, tmp_path: Path) -> None:
    """Two interpreters by name, which happen to be one. The gate is a fall to a quarter."""
    gate = ("--gate", "speedup=75%", "--max-launches", "4", "--allow-inconclusive", "--json")
    pythons = ("--a-python", sys.executable, "--b-python", sys.executable)
    ended = pipebench("ab", *pythons, *gate, "-o", str(tmp_path), "--", *REAL)
    assert ended.code == 0, ended.out
    assert json.loads(ended.out)["candidate"]["launches"] == 4


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with two versions of pipebench; the newer one slows stage 1 down, whoever asks."""
    folder = tmp_path / "repository"
    source = Path(package.__file__).parent
    shutil.copytree(source, folder / "pipebench", ignore=shutil.ignore_patterns("__pycache__"))
    git(folder, "init", "--quiet", "--initial-branch", "main")
    commit(folder, "old")
    faults = folder / "pipebench/launching/faults.py"
    faults.write_text(faults.read_text().replace("_SLOWER = 0.1", "_SLOWER = 0.2"))
    commit(folder, "new")
    (folder / "pipebench").rename(folder / "other")
    commit(folder, "foreign")
    return folder


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")
    return subprocess.run(
        ["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.strip()


def commit(folder: Path, name: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", name)
    git(folder, "tag", name)


def test_refs_run_their_own_code_and_leave_no_worktree(
    pipebench: Pipebench, repository: Path, tmp_path: Path
) -> None:
    place = tmp_path / "tmp"
    place.mkdir()
    git(repository, "worktree", "add", "--quiet", "--detach", str(tmp_path / "away"), "old")
    (tmp_path / "away").rename(tmp_path / "elsewhere")
    refs = ("--a", "old", "--b", "new", "--budget", "0.001", "--json")
    ended = pipebench(
        *("ab", *refs, "-o", str(tmp_path / "runs"), "--", *REAL),
        cwd=repository,
        TMPDIR=str(place),
        PIPEBENCH_INJECT="slow@stage:1",
    )
    assert ended.code == 4, ended.err
    document = json.loads(ended.out)
    records = [json.loads(Path(document[side]["path"]).read_text()) for side in ("reference", "candidate")]
    assert [each["warnings"][0]["cause"].split()[4] for each in records] == ["10", "20"]
    commits = [git(repository, "rev-parse", name) for name in ("old", "new")]
    assert [each["environment"]["commit"] for each in records] == commits
    assert "environment.commit" in [each["field"] for each in document["drift"]]
    assert f"A: old = {commits[0][:12]}" in ended.err
    assert len(git(repository, "worktree", "list").splitlines()) == 2
    assert "prunable" in git(
        repository, "worktree", "list", "--porcelain"
    )  # another's, on a disk that is away
    assert not list(place.iterdir())


@pytest.mark.parametrize(
    ("ref", "words"),
    [("nowhere", "--b nowhere: no such commit"), ("foreign", "--b foreign: no version of pipebench")],
)
def test_a_ref_that_is_none_of_pipebench_is_refused(
    pipebench: Pipebench, repository: Path, ref: str, words: str
) -> None:
    ended = pipebench("ab", "--a", "old", "--b", ref, "--", *REAL, cwd=repository)
    assert ended.code == 2
    assert words in ended.err
    assert len(git(repository, "worktree", "list").splitlines()) == 1


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
)
def test_a_signal_leaves_records_and_nothing_else(
    repository: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    place = tmp_path / "tmp"
    place.mkdir()
    process = subprocess.Popen(
        [COMMAND, "ab", "--a", "old", "--b", "old", "-o", str(tmp_path / "runs"), "--", *REAL],
        cwd=repository,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(TMPDIR=str(place)),
        start_new_session=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "launch 2" in line:
            break
    time.sleep(1.0)  # whatever it does by then
    os.killpg(process.pid, number)  # as a terminal does
    rest = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == code, rest
    kept = list((tmp_path / "runs").glob("*.json"))
    assert kept
    assert {json.loads(path.read_text())["status"] for path in kept} == {"aborted"}
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    assert not list(place.iterdir())
    assert until(lambda: not processes(str(place)))  # the kernel takes the last of them


def test_a_run_ends_with_an_ab_that_is_killed(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [COMMAND, "ab", "--b-env", "X=1", "-o", str(tmp_path / "runs"), "--", *REAL, "--steps", "1000"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(TMPDIR=str(tmp_path)),
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "launch 1" in line:
            break
    run = f"[-]o {tmp_path}/"
    assert until(lambda: bool(processes(run)))
    process.kill()
    process.wait()
    process.stderr.close()
    assert until(lambda: not processes(run))


def processes(words: str) -> list[str]:
    """Those whose command line holds the words, a regular expression."""
    found = subprocess.run(["pgrep", "-f", words], capture_output=True, text=True, check=False)
    return found.stdout.split()


def until(true: Callable[[], bool], within_s: float = 60.0) -> bool:
    """Whether it becomes true in time, which is what a busy machine needs."""
    end_s = time.monotonic() + within_s
    while not true() and time.monotonic() < end_s:
        time.sleep(0.05)
    return true()
