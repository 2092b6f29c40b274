"""What a launch ended with, from what its processes left behind."""

import re
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipebench.errors import DeadlineError, EnvironmentRefusedError, RunFailedError
from pipebench.launching import messages
from pipebench.launching.heartbeat import COMPUTING, WAITING, Heartbeats
from pipebench.launching.launched import Launched, _Child
from pipebench.launching.rendezvous.place import on_one_machine
from pipebench.models.text import data
from tests.builders import run_config

NO_LOOPBACK = messages.Failed(cause="no loopback", traceback="", refused=True, lost_peer=True)
Ended = tuple[int, bool, messages.Failed | None]  # exit code, whether it had loaded torch, its last word


def launched(folder: Path, job: messages.Job, beats: Heartbeats) -> Launched:
    return Launched(
        folder, job, beats, deadline=0.0, places=[on_one_machine(n, job.ranks) for n in range(job.ranks)]
    )


def concluded(folder: Path, *ended: Ended) -> None:
    """Conclude a launch whose ranks ended so."""
    config = run_config(device="cpu", synthetic=True, gpus=len(ended), layers=len(ended))
    job = messages.Job(config=config, data=data.load(config))
    launch = launched(folder, job, Heartbeats(folder / "heartbeats", len(ended)))
    for rank, (code, loaded, failed) in enumerate(ended):
        log = folder / f"log-{rank}"
        log.write_text("Killed: 4\n" if code else "")
        process: Any = SimpleNamespace(poll=lambda code=code: code, returncode=code)
        words = [failed] if failed is not None else []
        launch.children.append(_Child(rank, f"rank {rank}", process, -1, log, loaded=loaded, failed=words))
    launch._conclude()


@pytest.mark.parametrize(
    ("shared", "gpus", "rank", "text"),
    [
        (None, 3, 2, "2F0"),
        ("1", 3, 1, "1F0"),
        ("1", 3, 2, "2F0: softmax 0-199"),
        ("2", 4, 3, "3F0: softmax 100-199"),
        ("2", 4, 2, "4B1: loss"),
        ("all", 3, 0, "0F1"),
        ("all", 3, 1, "6F1: loss"),
    ],
)
def test_a_hang_is_told_with_its_action_and_its_part_where_that_is_no_layer_s(
    tmp_path: Path, shared: str | None, gpus: int, rank: int, text: str
) -> None:
    config = run_config(device="cpu", synthetic=True, gpus=gpus, layers=3, softmax_devices=shared)
    job = messages.Job(config=config, data=data.load(config))
    plan = job.plan()
    (number,) = (
        n for n, each in enumerate(plan.programs[rank]) if plan.graph.text(each) == text.partition(":")[0]
    )
    beats = Heartbeats(tmp_path / "heartbeats", gpus)
    launch = launched(tmp_path, job, beats)
    for each in range(gpus):
        beats.beat(each, WAITING)
        log = tmp_path / f"log-{each}"
        log.touch()
        process: Any = SimpleNamespace(poll=lambda: None, returncode=None)
        launch.children.append(_Child(each, f"rank {each}", process, -1, log, loaded=True))
    beats.beat(rank, COMPUTING, number)
    with pytest.raises(
        DeadlineError, match=re.escape(f"while rank {rank} was computing ({text}): give more time")
    ):
        launch._conclude()


def test_ranks_that_were_refused_a_connection_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentRefusedError, match="no loopback"):
        concluded(tmp_path, (0, True, NO_LOOPBACK), (0, True, NO_LOOPBACK))


def test_a_rank_that_died_is_the_culprit_before_one_that_could_not_reach_it(tmp_path: Path) -> None:
    with pytest.raises(RunFailedError, match="rank 1 was killed by SIGKILL"):
        concluded(tmp_path, (0, True, NO_LOOPBACK), (-signal.SIGKILL, True, None))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-signal.SIGILL, r"SIGILL \(this build of torch may use"),
        (-signal.SIGABRT, "rank 0 was killed by SIGABRT; its last output: Killed: 4"),
        (1, "rank 0 exited with 1"),
    ],
)
def test_a_python_that_ends_before_it_is_there_never_ran(tmp_path: Path, code: int, words: str) -> None:
    with pytest.raises(EnvironmentRefusedError, match=rf"cannot load pipebench and torch: .*{words}"):
        concluded(tmp_path, (code, False, None))
    with pytest.raises(RunFailedError, match=words):
        concluded(tmp_path, (code, True, None))


@pytest.mark.parametrize("loaded", [False, True])
def test_sigkill_may_be_anybody_s(tmp_path: Path, loaded: bool) -> None:
    with pytest.raises(RunFailedError, match=r"killed by SIGKILL \("):
        concluded(tmp_path, (-signal.SIGKILL, loaded, None))


@pytest.mark.parametrize(("number", "words"), [(signal.SIGXCPU, "ulimit -t"), (signal.SIGSYS, "seccomp")])
def test_limits_that_come_as_a_signal(tmp_path: Path, number: signal.Signals, words: str) -> None:
    with pytest.raises(EnvironmentRefusedError, match=words):
        concluded(tmp_path, (-number, True, None))
