"""Traces of real gloo ranks, by examples/torch-pipelining.

The bubble of the rows is the one that the ranks measured around the calls themselves.
"""

import gzip
import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from pipebench.foreign.rows import COMPUTE, Row
from pipebench.foreign.torch_profiler import read_traces
from tests.foreign.torch_profiler.traces import write

RANKS = Path(__file__).parent / "ranks.py"
STEPS, RECORDED = 4, (2, 3)
Interval = tuple[str, float, float]  # operation, start and end


def free_ports(how_many: int) -> list[str]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(how_many)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [str(each.getsockname()[1]) for each in sockets]


def run(folder: Path, ranks: int, schedules: Sequence[str]) -> Path:
    """One process a rank, which runs the schedules one after the other, each in a folder of its own."""
    for schedule in schedules:
        (folder / schedule).mkdir()
    told = {"MASTER_ADDR": "127.0.0.1", "WORLD_SIZE": str(ranks), "OMP_NUM_THREADS": "1"}
    asked = [word for pair in zip(schedules, free_ports(len(schedules)), strict=True) for word in pair]
    started = [
        subprocess.Popen(
            [sys.executable, str(RANKS), *asked], cwd=folder, env={**os.environ, **told, "RANK": str(rank)}
        )
        for rank in range(ranks)
    ]
    try:
        assert [each.wait(timeout=120) for each in started] == [0] * ranks
    finally:
        for each in started:
            each.kill()
    return folder


@pytest.fixture(scope="module")
def two_ranks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("two"), 2, ["gpipe", "1f1b"])


@pytest.fixture(scope="module")
def four_ranks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("four"), 4, ["zero-bubble"])


def bubble(devices: Sequence[Sequence[Interval]]) -> float:
    """1 - busy / (devices x length), from the first forward's start to the last backward's end."""
    every = [one for device in devices for one in device]
    length = max(end for operation, _, end in every if operation != "F") - min(start for _, start, _ in every)
    return 1 - sum(end - start for _, start, end in every) / (len(devices) * length)


def measured(folder: Path, ranks: int) -> list[float]:
    """The bubble of each recorded step, by the ranks' own clock."""
    found = [json.loads((folder / f"measured{rank}.json").read_text()) for rank in range(ranks)]
    size = len(found[0]) // STEPS
    return [bubble([own[step * size :][:size] for own in found]) for step in RECORDED]


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


def check(folder: Path, ranks: int, operations: str) -> None:
    recording = read_traces(sorted(folder.glob("trace*.json.gz")))
    assert not recording.notices
    steps = [[row for row in recording.rows if row.step == step] for step in RECORDED]
    for rows in steps:
        check_messages(rows)
        for device in computed(rows, ranks):
            assert {operation for operation, _, _ in device} <= set(operations)
            assert all(before[2] <= after[1] for before, after in pairwise(device))
    truth = measured(folder, ranks)
    read = [bubble(computed(rows, ranks)) for rows in steps]
    print(f"{folder.name} on {ranks} ranks: measured {truth}, read {read}")  # noqa: T201
    assert read == pytest.approx(truth, abs=0.05)


@pytest.mark.parametrize("schedule", ["gpipe", "1f1b"])
def test_the_bubble_of_two_ranks_is_the_one_that_was_measured(two_ranks: Path, schedule: str) -> None:
    check(two_ranks / schedule, 2, "FB")


def test_the_bubble_of_four_ranks_is_the_one_that_was_measured(four_ranks: Path) -> None:
    check(four_ranks / "zero-bubble", 4, "FIW")


@pytest.mark.parametrize("schedule", ["gpipe", "1f1b"])
def test_without_the_profilers_steps_the_rows_are_the_same(
    two_ranks: Path, schedule: str, tmp_path: Path
) -> None:
    paths = sorted((two_ranks / schedule).glob("trace*.json.gz"))
    without = []
    for path in paths:
        trace = json.loads(gzip.decompress(path.read_bytes()))
        events = [
            {"ph": "M"} if each["name"].startswith("ProfilerStep") else each for each in trace["traceEvents"]
        ]
        without.append(write(tmp_path / path.name, {**trace, "traceEvents": events}, packed=False))
    told, counted = read_traces(paths), read_traces(without)
    assert [row._replace(step=row.step + 2) for row in counted.rows] == list(told.rows)
    assert len(counted.notices) == 1
