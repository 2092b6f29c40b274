"""Texts that are long or endless, and phases that take long, through the installed command."""

import json
import os
import resource
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import COMMAND, Pipebench, environment
from tests.cli.texts import SMALL, WORDS, run

MIB = 1 << 20


@pytest.fixture(scope="module")
def long_text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "long text.txt"
    with path.open("w") as file:
        for _ in range(48):
            file.write(WORDS * (MIB // len(WORDS)))
    return path


def test_of_a_long_text_the_first_part_is_read_and_the_record_says_so(
    pipebench: Pipebench, tmp_path: Path, long_text: Path
) -> None:
    _, record = run(pipebench, tmp_path, "--text", str(long_text))
    found = record["config"]["input"]
    assert (found["bytes_read"], found["whole"]) == (8 * MIB, False)
    assert found["words_per_step"] == 32 * 14  # those that follow the first one, and the end
    head = subprocess.run(
        f"head -c {8 * MIB} '{long_text}' | sha256sum", shell=True, capture_output=True, check=True
    )
    assert found["sha256"] == head.stdout.split()[0].decode()
    (path,) = (tmp_path / "runs").glob("*.json")
    shown = pipebench("show", str(path), "--all").out
    assert "of the first 8.0 MiB of" in shown
    assert "0 % unknown" in " ".join(shown.split())


def test_a_long_text_takes_little_memory(tmp_path: Path, long_text: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (300 * MIB, 300 * MIB))

    arguments = [COMMAND, "run", *SMALL, "--dry-run", "--json", "--text", long_text]
    ended = subprocess.run(arguments, capture_output=True, env=environment(), preexec_fn=limit, check=False)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["unknown_share"] == 0.0


def test_an_endless_text_is_read_as_far_as_it_is_needed(pipebench: Pipebench, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def write() -> None:
        with suppress(BrokenPipeError), pipe.open("w") as file:
            while True:
                file.write(WORDS)

    threading.Thread(target=write, daemon=True).start()
    assert pipebench("run", *SMALL, "--dry-run", "--text", str(pipe)).code == 0


def aborted(folder: Path) -> dict[str, Any]:
    (path,) = folder.glob("*.json")
    record: dict[str, Any] = json.loads(path.read_text())
    assert (record["status"], record["launches"], record["config"]["text"]) == ("aborted", [], "pipe")
    return record


def test_a_text_that_does_not_come_is_ended_by_the_deadline(pipebench: Pipebench, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    began = time.monotonic()
    ended = pipebench("run", *SMALL, "--text", "pipe", "--deadline", "3", "-o", "runs", cwd=tmp_path)
    assert ended.code == 8
    assert 3 <= time.monotonic() - began < 30
    assert "  0% reading pipe" in ended.err
    assert "error: the deadline passed while reading pipe: give more time" in ended.err
    assert aborted(tmp_path / "runs")["failure"]["exit_code"] == 8


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_wait_for_a_text(tmp_path: Path, number: int, code: int) -> None:
    os.mkfifo(tmp_path / "pipe")
    arguments = [COMMAND, "run", *SMALL, "--text", "pipe", "-o", "runs"]
    process = subprocess.Popen(arguments, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=environment())
    assert process.stderr is not None
    assert "reading pipe" in process.stderr.readline()  # it says so once it takes long
    began = time.monotonic()
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == code
    assert time.monotonic() - began < 15
    aborted(tmp_path / "runs")


def test_the_deadline_ends_a_plan_that_takes_long_to_check(pipebench: Pipebench, tmp_path: Path) -> None:
    large = ("--layers", "64", "--gpus", "64", "--batch", "4096", "--microbatches", "4096")
    ended = pipebench("run", "--preset", "tiny", *large, "--deadline", "1", "--json", "-o", str(tmp_path))
    assert ended.code == 8
    assert "the deadline passed while " in ended.err
    assert json.loads(ended.out)["status"] == "aborted"
    dry = pipebench("run", "--preset", "tiny", *large, "--deadline", "1", "--dry-run")
    assert (dry.code, dry.out) == (8, "")


def test_a_plan_that_does_not_fit_in_memory_is_refused_before_it_is_made(
    pipebench: Pipebench, tmp_path: Path
) -> None:
    large = ("--gpus", "64", "--layers", "64", "--batch", "67108864", "--microbatches", "67108864")
    ended = pipebench("run", *large, cwd=tmp_path)
    assert ended.code == 7
    assert "actions of the plan (computed)" in ended.err


def test_numbers_of_any_size_are_answered_at_once(pipebench: Pipebench, tmp_path: Path) -> None:
    missing = ("--text", "none.txt", "--gpus", "2")
    for options, words in (
        (("--batch", "1000000007", "--microbatches", "2"), "does not divide the batch of 1000000007"),
        (("--launches", "1000000"), "none.txt: cannot be read"),
        (("--layers", "2000000000", "--gpus", "2000000000"), "--layers must be at most 4096"),
        (("--hidden", "9999999999999999999999"), "--hidden must be at most 2147483647"),
    ):
        ended = pipebench("run", *missing, *options, cwd=tmp_path)
        assert (ended.code, words in ended.err) == (2, True), ended.err


def test_a_side_s_text_is_a_file(pipebench: Pipebench, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    sides = ("--a-run", "--schedule gpipe", "--b-run", "--schedule wavefront")
    for text in (("--text", "pipe"), ("--text=pipe",)):
        ended = pipebench("ab", *sides, "--", "--gpus", "2", *text, cwd=tmp_path)
        assert (ended.code, "--text pipe: expected a file" in ended.err) == (2, True)
    assert pipebench("calibrate", "--", "--text", "/dev/zero").code == 2


def test_a_side_that_prints_without_end_is_ended(pipebench: Pipebench, tmp_path: Path) -> None:
    endless = tmp_path / "python"
    endless.write_text("#!/bin/sh\nexec yes\n")
    endless.chmod(0o755)
    ended = pipebench(
        "ab", "--a-python", str(endless), "--b-python", str(endless), "--", "--gpus", "2", cwd=tmp_path
    )
    assert ended.code == 7
    assert "prints without end: expected a Python with pipebench" in ended.err
