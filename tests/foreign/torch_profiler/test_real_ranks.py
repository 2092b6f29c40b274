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
from pathlib import Path

import pytest

from pipebench.foreign.torch_profiler import read_traces
from tests.foreign.torch_profiler.bubbles import check
from tests.foreign.torch_profiler.traces import write

RANKS = Path(__file__).parent / "ranks.py"


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


@pytest.mark.parametrize("schedule", ["gpipe", "1f1b"])
def test_the_bubble_of_two_ranks_is_the_one_that_was_measured(two_ranks: Path, schedule: str) -> None:
    check(two_ranks / schedule, 2, "FB", within=0.05)


def test_the_bubble_of_four_ranks_is_the_one_that_was_measured(four_ranks: Path) -> None:
    check(four_ranks / "zero-bubble", 4, "FIW", within=0.05)


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
