"""The bubble that traces tell, beside the one that their ranks measured around the calls."""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from pipebench.foreign.rows import COMPUTE, Row
from pipebench.foreign.torch_profiler import read_traces

STEPS, RECORDED = 4, (2, 3)
Interval = tuple[str, float, float]  # operation, start and end


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


def check(folder: Path, ranks: int, operations: str, within: float) -> None:
    """Order, messages and bubble of each recorded step."""
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
    assert read == pytest.approx(truth, abs=within)
