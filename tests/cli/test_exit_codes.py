"""Every exit code that this version can cause, through the installed command."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND, TINY, CompletedRun, Pipebench
from tests.cli.saved import status_of_the_only_record


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--gpus", "0"], "--gpus must be at least 1, got 0"),
        (["run", "--gpus", "8", "--microbatches", "0"], "--microbatches must be at least 1"),
        (["run", "--gpus", "8", "--batch", "10", "--microbatches", "4"], "does not divide the batch of 10"),
        (
            ["run", "--gpus", "8", "--schedule", "nonsense"],
            "expected one of naive, gpipe, 1f1b, 1f1b-deep, wavefront, zb-h1",
        ),
        (["run", "--gpus", "8", "--text", "/nowhere/none.txt"], "/nowhere/none.txt"),
        (["run", "--gpus", "8", "--layers", "4"], "8 devices for 4 LSTM layers"),
        (["run", "--gpus", "2", "--layers", "4", "--partition", "3,2"], "sum to 4 layers, got 5"),
        (["run", "--gpus", "2", "--machine", "cray"], "unknown machine 'cray'"),
        (["run", "--gpus", "2", "--remeasure"], "--remeasure measures the link of --machine local"),
        (["run", "--gpus", "2", "--device", "tpu"], "unknown --device 'tpu'"),
        (["run", "--gpus", "2", "--device", "cpu", "--machine", "2014"], "--machine is for emulated devices"),
        (["run", "--schedule", "naive", "--microbatches", "4"], "takes 1 microbatch"),
        (["run", "--deadline", "-1"], "--deadline"),
        (["run", "--gpus", "two"], "--gpus"),
        (["simulate", "--microbatches", "0"], "microbatches must be at least 1"),
        (["simulate", "--stages", "2", "--forward", "-1"], "forward"),
        (["simulate", "--schedule", "1f1b", "--blocking"], "waits for"),
        (["show", "/nowhere/none.json"], "none.json"),
        (["list", "/nowhere"], "/nowhere"),
        (["nonsense"], "nonsense"),
    ],
)
def test_2_for_what_the_user_got_wrong(
    pipebench: Pipebench, tmp_path: Path, arguments: list[str], words: str
) -> None:
    ended = pipebench(*arguments, cwd=tmp_path)
    assert ended.code == 2
    assert words in ended.err
    assert len(ended.err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("place", "code"), [("file", 2), ("file/below", 2), ("/proc/x", 7)])
def test_an_output_folder_that_cannot_be_is_refused_before_anything_is_measured(
    pipebench: Pipebench, tmp_path: Path, place: str, code: int
) -> None:
    (tmp_path / "file").write_text("not a folder")
    ended = pipebench("run", "--gpus", "2", *TINY, "-o", place, cwd=tmp_path)
    assert ended.code == code
    assert "--output" in ended.err
    assert "launch 1" not in ended.err


def test_a_broken_pipe_is_no_failure() -> None:
    script = f"{COMMAND} simulate | true; exit ${{PIPESTATUS[0]}}"
    ended = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_full_disk_is_one_line() -> None:
    script = f"{COMMAND} simulate --json > /dev/full"
    ended = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 7
    assert (
        ended.stderr
        == "pipebench: error: stdout: cannot be written: no space left there; free some, or send it elsewhere\n"
    )


def test_a_module_of_the_same_name_in_the_working_folder_is_not_imported(
    pipebench: Pipebench, tmp_path: Path
) -> None:
    (tmp_path / "random.py").write_text("raise SystemExit('shadowed')")
    ended = pipebench("run", "--gpus", "2", *TINY, "--launches", "1", cwd=tmp_path)
    assert ended.code == 0, ended.err


@pytest.mark.parametrize("arguments", [["--text", "/nowhere"], ["--gpus", "0"]])
def test_a_dry_run_refuses_what_a_run_would(pipebench: Pipebench, arguments: list[str]) -> None:
    assert pipebench("run", "--dry-run", *arguments).code == 2


def test_2_for_a_text_that_is_not_utf_8(pipebench: Pipebench, tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes("caf\xe9".encode("latin-1"))
    ended = pipebench("run", "--text", "latin", cwd=tmp_path)
    assert (ended.code, "expected UTF-8, byte 3" in ended.err) == (2, True)


def test_7_without_enough_gpus(pipebench: Pipebench, tmp_path: Path) -> None:
    ended = pipebench("run", "--gpus", "99", "--layers", "99", "--device", "cuda", cwd=tmp_path)
    assert ended.code == 7
    assert "expected 99 visible GPUs, found" in ended.err
    assert "--device emulated" in ended.err


def test_7_when_it_would_not_fit_in_memory(pipebench: Pipebench, tmp_path: Path) -> None:
    ended = pipebench("run", "--hidden", "100000", cwd=tmp_path)
    assert ended.code == 7
    assert "would not fit in memory" in ended.err


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("mismatch", "differs from the baseline"),
        ("nan", "loss is nan"),
        ("raise@start", "RuntimeError: injected at start"),
        ("memory@start", "out of memory"),
        ("exit@start", "the launch exited with 7"),
        ("kill@timed", "killed by SIGKILL"),
    ],
)
def test_6_when_the_run_breaks(pipebench: Pipebench, tmp_path: Path, fault: str, words: str) -> None:
    ended = pipebench("run", "--gpus", "2", *TINY, "-o", str(tmp_path), PIPEBENCH_INJECT=fault)
    assert ended.code == 6
    assert words in ended.err
    assert "Traceback" not in ended.err
    record = status_of_the_only_record(tmp_path)
    assert (record["status"], record["launches"]) == ("failed", [])
    assert words in record["failure"]["message"]  # type: ignore[index]


def test_8_when_the_deadline_passes(pipebench: Pipebench, tmp_path: Path) -> None:
    ended = pipebench(
        "run", "--gpus", "2", *TINY, "--deadline", "4", "-o", str(tmp_path), PIPEBENCH_INJECT="hang@timed"
    )
    assert ended.code == 8
    assert "deadline" in ended.err
    assert status_of_the_only_record(tmp_path)["status"] == "aborted"


@pytest.mark.parametrize(
    "document",
    [
        "{",
        "",
        "[]",
        '{"schema": {"name": "other", "version": 1}}',
        '{"schema": {"name": "pipebench", "version": 2}}',
    ],
)
def test_10_for_what_is_no_record_of_ours(pipebench: Pipebench, tmp_path: Path, document: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(document)
    ended = pipebench("show", str(path))
    assert ended.code == 10
    assert str(path) in ended.err
    assert len(ended.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("timeline", "spans", 0, "action"), "99F0"),
        (("timeline", "spans", 0, "action"), "1SEND_F0"),
        (("timeline", "spans", 0, "device"), 3),
        (("timeline", "transfers", 0, "action"), "3F0"),
        (("device", "names"), []),
        (("baseline",), None),
    ],
)
def test_10_for_a_record_that_contradicts_itself(
    pipebench: Pipebench, completed: CompletedRun, tmp_path: Path, place: tuple[str | int, ...], value: object
) -> None:
    record = json.loads(completed.printed) | {"status": "aborted"}
    part = record
    for step in place[:-1]:
        part = part[step]
    part[place[-1]] = value
    path = tmp_path / "odd.json"
    path.write_text(json.dumps(record))
    ended = pipebench("show", str(path))
    assert ended.code == 10, ended.err
    assert "Traceback" not in ended.err


def test_10_for_a_record_with_a_field_damaged(
    pipebench: Pipebench, completed: CompletedRun, tmp_path: Path
) -> None:
    record = json.loads(completed.printed)
    record["pipeline"]["step_s"] = -1
    path = tmp_path / "damaged.json"
    path.write_text(json.dumps(record))
    ended = pipebench("show", str(path))
    assert ended.code == 10
    assert "pipeline.step_s" in ended.err


def test_1_for_a_bug_of_ours(pipebench: Pipebench, tmp_path: Path) -> None:
    """Something that nobody thought of, put in as Python starts."""
    (tmp_path / "sitecustomize.py").write_text(
        "from pipebench.records import folders\n"
        "def paths(folder):\n    raise RuntimeError('nobody thought of this')\n"
        "folders.paths = paths\n"
    )
    ended = pipebench("list", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert (ended.code, ended.out) == (1, "")
    assert "RuntimeError: nobody thought of this" in ended.err
    assert ended.err.splitlines()[-1].startswith("pipebench: error: this is a bug in pipebench")
