"""A model of the user's own through the commands that read its records, and what ends it early."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND, Pipebench, environment

MODEL = """
import torch
from torch import nn
import pipebench

def loss(output, target): return ((output - target) ** 2).sum()
def batch(size, generator): return torch.randn(2, size, 8, generator=generator).unbind()
def build(): return pipebench.Model([lambda: nn.Linear(8, 8)] * 3, loss, batch, batch_size=16)
constant = pipebench.Model([lambda: nn.Linear(8, 8)] * 3, loss, lambda n, g: (torch.ones(n, 8), torch.zeros(n, 8)))
"""


@pytest.fixture(scope="module")
def runs(pipebench: Pipebench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of the same model."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "mine.py").write_text(MODEL)
    for _ in range(2):
        ended = pipebench(
            *("run", "--model", "mine.py:build", "--gpus", "2", "--device", "cpu", "--steps", "1"),
            *("--launches", "1", "--microbatches", "4"),
            cwd=folder,
        )
        assert ended.code == 0, ended.err
        assert "x, measured, wall clock; " in ended.out
        assert "samples/s: mine:build, gpipe, 2 " in ended.out
        whole = pipebench("show", "--all", cwd=folder).out
        assert "mine:build: 3 layers, 216 parameters, float32" in whole
        assert "samples/s" in whole
        assert "words" not in ended.out + whole
    return folder


def test_its_records_are_compared_gated_listed_and_told_as_any_other(
    pipebench: Pipebench, runs: Path
) -> None:
    compared = pipebench("compare", "latest~1", "latest", "--json", cwd=runs)
    assert compared.code == 0, compared.err
    assert {"throughput", "speedup"} <= json.loads(compared.out)["metrics"].keys()
    assert "words_per_s" not in json.loads(compared.out)["metrics"]
    checked = pipebench("check", "latest", "--against", "latest~1", cwd=runs)
    assert checked.code == 4, checked.err  # one launch a side tells nothing
    assert "samples/s *" in checked.out
    words = pipebench("check", "latest", "--against", "latest~1", "--gate", "words_per_s=3%", cwd=runs)
    assert words.code == 9
    listed = pipebench("list", cwd=runs)
    assert (listed.code, listed.out.count("completed")) == (0, 2)
    course = pipebench("history", "throughput", cwd=runs)
    assert course.code == 0, course.err
    assert "samples/s" in course.out


def test_the_record_says_what_the_contract_promises(runs: Path) -> None:
    record = json.loads(next((runs / "results" / "runs").glob("*.json")).read_text())
    config = record["config"]
    assert [layer["parameters"] for layer in config["model"]["layers"]] == [72, 72, 72]
    assert (config["layers"], config["batch"], config["partition"]) == (3, 16, [2, 1])
    assert [config[name] for name in ("hidden", "vocab", "sequence_length", "preset")] == [None] * 4
    assert (config["input"]["unit"], config["input"]["items_per_step"]) == ("samples", 16)
    assert config["input"]["words_per_step"] is None
    assert record["pipeline"]["words_per_s"] is None
    ratio = record["pipeline"]["items_per_s"] / record["baseline"]["items_per_s"]
    assert ratio == pytest.approx(record["speedup"]["value"], rel=1e-9)
    assert record["devices"][0]["memory"]["label"] == "measured on a slice"


def test_a_constant_batch_is_a_warning(pipebench: Pipebench, runs: Path) -> None:
    ended = pipebench(
        *(
            "run",
            "--model",
            "mine.py:constant",
            "--gpus",
            "2",
            "--device",
            "cpu",
            "--launches",
            "1",
            "--steps",
            "1",
        ),
        *("--json", "-o", "others"),
        cwd=runs,
    )
    assert ended.code == 0, ended.err
    warnings = {warning["code"]: warning["cause"] for warning in json.loads(ended.out)["warnings"]}
    assert "gives the same batch each time" in warnings["own-model"]


SLOW = "import time\nopen('begun', 'w').close()\ntime.sleep(60)\n"


def test_a_deadline_ends_the_look_at_the_layers(pipebench: Pipebench, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    ended = pipebench("run", "--model", "slow.py:m", "--gpus", "2", "--deadline", "3", cwd=tmp_path)
    assert ended.code == 8
    assert "the deadline passed" in ended.err
    assert "Traceback" not in ended.err


def test_an_interrupt_ends_the_look_at_the_layers(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    started = subprocess.Popen(
        [COMMAND, "run", "--model", "slow.py:m", "--gpus", "2"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    until = time.monotonic() + 60
    while not (tmp_path / "begun").exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    os.kill(started.pid, signal.SIGINT)
    out, err = started.communicate(timeout=30)
    assert (started.returncode, out) == (130, b"")
    assert b"Traceback" not in err
