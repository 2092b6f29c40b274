"""The recorders for Megatron and DeepSpeed, on two ranks of pretended ones, and what pipebench makes of their files."""

import csv
import gzip
import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from tests.cli.conftest import Pipebench

EXAMPLES = Path(__file__).parents[2] / "examples"
FAKES = Path(__file__).parent / "fakes"


def trained(framework: str, *arguments: str) -> None:
    """Two ranks, side by side."""
    paths = (FAKES, EXAMPLES, EXAMPLES / framework)
    ends = socket.socketpair()
    ranks = []
    for rank, end in enumerate(ends):
        own = {"RANK": str(rank), "PEER": str(end.fileno()), "PYTHONPATH": os.pathsep.join(map(str, paths))}
        command = [sys.executable, str(FAKES / f"train_{framework}.py"), *arguments]
        ranks.append(subprocess.Popen(command, env=os.environ | own, pass_fds=[end.fileno()]))
        end.close()
    try:
        assert [rank.wait(60) for rank in ranks] == [0, 0]
    finally:
        for rank in ranks:
            rank.kill()
            rank.wait()


def rows_of(folder: Path) -> list[dict[str, str]]:
    rows = []
    for path in sorted(folder.iterdir()):
        with gzip.open(path, "rt") as file:
            rows += csv.DictReader(file)
    return rows


def spans_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("spans", EXAMPLES / "spans.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("framework", "arguments", "device_of"),
    [
        ("megatron", ("forward_backward_pipelining_without_interleaving",), [0, 1]),
        ("megatron", ("forward_backward_pipelining_with_interleaving",), [0, 1, 0, 1]),
        ("deepspeed", (), [0, 1]),
    ],
)
def test_two_ranks_are_recorded_and_explained(
    pipebench: Pipebench, tmp_path: Path, framework: str, arguments: tuple[str, ...], device_of: list[int]
) -> None:
    folder = tmp_path / "spans"
    trained(framework, str(folder), *arguments)
    ended = pipebench("explain", "--from", str(folder), "--json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    document = json.loads(ended.out)
    assert document["plan"]["device_of"] == device_of
    assert document["plan"]["microbatches"] == 3
    assert [each["step"] for each in document["steps"]] == [1, 2]  # no evaluation, and no step not asked for
    per_device_s = 3 * len(device_of) // 2 * 3  # a backward is two forwards
    for device, forward_s in zip(document["devices"], (0.02, 0.04), strict=True):
        assert device["busy_s"] == pytest.approx(per_device_s * forward_s, rel=0.25)
    if framework == "deepspeed":
        assert {each["operation"] for each in document["totals"]} == {
            "SEND_F", "RECV_F", "SEND_B", "RECV_B", "OPTIMIZER"
        }  # fmt: skip
        assert {row["microbatch"] for row in rows_of(folder) if row["operation"] == "OPTIMIZER"} == {""}


def test_times_of_a_gpu_are_those_of_its_events(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spans = spans_module()
    gpu_s = iter((5.0, 5.25, 5.75))  # the zero, and a span

    class Event:
        def __init__(self, enable_timing: bool) -> None:
            assert enable_timing
            self.waited = False

        def record(self) -> None:
            self.at_s = next(gpu_s)

        def synchronize(self) -> None:
            self.waited = True

        def elapsed_time(self, other: "Event") -> float:
            assert self.waited
            assert other.waited
            return (other.at_s - self.at_s) * 1000

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(spans.time, "time", lambda: 1000.0)
    recording = spans.Spans(tmp_path, 0, 1)
    with recording.recorded(7), recording.timed("F", 1, 2):
        pass
    (row,) = rows_of(tmp_path)
    assert ",".join(row.values()) == "7,0,1,F,1,2,1000.25,1000.75"


@pytest.mark.parametrize("framework", ["megatron", "deepspeed"])
def test_a_page_names_what_is_there(framework: str) -> None:
    page = (EXAMPLES.parent / "docs" / f"explain-{framework}.md").read_text()
    links = re.findall(r"\]\(([^)#]+)\)", page)
    assert f"../examples/{framework}/record.py" in links
    assert all((EXAMPLES.parent / "docs" / link).exists() for link in links)
    assert ",".join(spans_module().HEADER) in page
    [call] = re.findall(r"record\.(\w+)\(", page)
    assert f"\ndef {call}(folder, steps):" in (EXAMPLES / framework / "record.py").read_text()
    commands = re.findall(r"```sh\n(.*?)\n```", page, re.DOTALL)
    explain = "pipebench explain --from spans/*.csv.gz"
    assert commands[0::2] == [explain, "pipebench trace RECORD -o trace.json.gz"]
    assert len(commands) == 3
    assert re.fullmatch(rf'{re.escape(explain)}( --what-if "[^"]+")+', commands[1])
