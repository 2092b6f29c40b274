"""Traces of real gloo ranks: the bubble of the rows is the one that the ranks measured around the calls themselves."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from pipebench.foreign.rows import COMPUTE, Row
from pipebench.foreign.torch_profiler import read_traces

RANKS = Path(__file__).parent / "ranks.py"
RECORDED = 2  # steps, the last ones of those that run
Interval = tuple[str, float, float]  # operation, start and end


def run(folder: Path, schedule: str, ranks: int) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": str(ranks),
        "OMP_NUM_THREADS": "1",
    }
    started = [
        subprocess.Popen(
            [sys.executable, str(RANKS), schedule], cwd=folder, env={**os.environ, **told, "RANK": str(rank)}
        )
        for rank in range(ranks)
    ]
    try:
        assert [each.wait(timeout=60) for each in started] == [0] * ranks
    finally:
        for each in started:
            each.kill()


def bubble(devices: Sequence[Sequence[Interval]]) -> float:
    """1 - busy / (devices x length), from the first forward's start to the last backward's end."""
    every = [one for device in devices for one in device]
    length = max(end for operation, _, end in every if operation != "F") - min(start for _, start, _ in every)
    return 1 - sum(end - start for _, start, end in every) / (len(devices) * length)


def measured(folder: Path, ranks: int, steps: int) -> list[float]:
    """The bubble of each recorded step, by the ranks' own clock."""
    found = [json.loads((folder / f"measured{rank}.json").read_text()) for rank in range(ranks)]
    size = len(found[0]) // steps
    return [bubble([own[step * size :][:size] for own in found]) for step in range(steps - RECORDED, steps)]


def computed(rows: Sequence[Row], ranks: int) -> list[list[Interval]]:
    """What each device computes in a step, in the order of time."""
    found = sorted((row for row in rows if row.operation in COMPUTE), key=lambda row: row.start_s)
    return [
        [(row.operation, row.start_s, row.end_s) for row in found if row.device == each]
        for each in range(ranks)
    ]


def check_messages(rows: Sequence[Row]) -> None:
    """Each send of a forward's result has its receive, which ends no earlier than the send begins."""
    sent = {(row.stage + 1, row.microbatch): row for row in rows if row.operation == "SEND_F"}
    came = {(row.stage, row.microbatch): row for row in rows if row.operation == "RECV_F"}
    assert set(sent) == set(came)
    assert all(came[key].end_s > sent[key].start_s - 20e-6 for key in sent)


@pytest.mark.parametrize(("schedule", "ranks", "operations"), [("gpipe", 2, "BF"), ("zero-bubble", 4, "FIW")])
def test_the_bubble_is_the_one_that_was_measured(
    tmp_path: Path, schedule: str, ranks: int, operations: str
) -> None:
    run(tmp_path, schedule, ranks)
    recording = read_traces(sorted(tmp_path.glob("trace*.json.gz")))
    assert not recording.notices
    steps = [[row for row in recording.rows if row.step == step] for step in (2, 3)]
    for rows in steps:
        check_messages(rows)
        for device in computed(rows, ranks):
            assert {operation for operation, _, _ in device} <= set(operations)
            assert all(before[2] <= after[1] for before, after in pairwise(device))
    truth = measured(tmp_path, ranks, 4)
    read = [bubble(computed(rows, ranks)) for rows in steps]
    print(f"{schedule} on {ranks} ranks: measured {truth}, read {read}")  # noqa: T201
    assert read == pytest.approx(truth, abs=0.05)
