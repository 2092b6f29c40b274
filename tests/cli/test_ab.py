"""``pipebench ab`` through the installed command, on pretended interpreters."""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pipebench.ab.asked import Asked, varied
from pipebench.cli.ab import _FOLDER
from pipebench.comparison.run_fields import PLAN
from pipebench.records import documents
from tests.ab.launches import one_launch
from tests.cli.conftest import Ended, Pipebench, unheard
from tests.pretend import interpreter

Ab = Callable[..., Ended]


@pytest.fixture
def ab(pipebench: Pipebench, tmp_path: Path) -> Ab:
    """``ab`` whose default sides are two pretended interpreters; its folder is ``tmp_path / "runs"``."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {interpreter.__file__} "$@"\n')
    python.chmod(0o755)
    (tmp_path / "record.json").write_bytes(documents.encode(one_launch()))
    (tmp_path / "tmp").mkdir()

    def run(*arguments: str, by: Pipebench = pipebench, **changes: str) -> Ended:
        told = {
            "PRETEND_RECORD": str(tmp_path / "record.json"),
            "PRETEND_LOG": str(tmp_path / "log"),
            "TMPDIR": str(tmp_path / "tmp"),
        }
        sides = (f"--a-python={python}", f"--b-python={python}")
        folder = ("-o", str(tmp_path / "runs"))
        return by("ab", *sides, *folder, *arguments, cwd=tmp_path, **(told | changes))

    return run


def order(tmp_path: Path) -> list[str]:
    """The command line of each run."""
    return (tmp_path / "log").read_text().splitlines()


@pytest.mark.parametrize(
    ("options", "code", "verdict", "launches"),
    [
        ([], 0, "same", 4),
        (["--b-env", "PRETEND_SLOWER=1.1"], 3, "regression", 4),
        (["--a-env", "PRETEND_SLOWER=1.1"], 0, "improvement", 4),
        (["--b-env", "PRETEND_SLOWER=1.1", "--gate", "step_s=30%"], 0, "same", 4),
        (
            ["--a-env=PRETEND_SPREAD=0.2", "--b-env=PRETEND_SPREAD=0.2", "--max-launches=6"],
            4,
            "inconclusive",
            6,
        ),
        (["--budget=0.001", "--allow-inconclusive"], 4, "inconclusive", 2),
        (
            [
                "--a-env=PRETEND_SPREAD=0.2",
                "--b-env=PRETEND_SPREAD=0.2",
                "--max-launches=4",
                "--allow-inconclusive",
            ],
            0,
            "inconclusive",
            4,
        ),
        (["--b-run", "--schedule 1f1b"], 0, "same", 4),
        (["--b-env", "PRETEND_SLOWER=1.1", "--b-run", "--schedule 1f1b"], 3, "regression", 4),
        (["--gate", "peak_memory_bytes=3%"], 9, "missing", 1),
    ],
)
def test_the_exit_code_is_the_verdict(
    ab: Ab, tmp_path: Path, options: list[str], code: int, verdict: str, launches: int
) -> None:
    ended = ab(*options, "--json", "--quiet")
    assert ended.code == code, ended.err
    document = json.loads(ended.out)
    assert (document["overall"]["verdict"], document["gate"]["exit_code"]) == (verdict, code)
    assert document["candidate"]["launches"] == launches
    assert len(order(tmp_path)) == 2 * launches
    assert ended.err == ""
    assert len(list((tmp_path / "runs").glob("*.json"))) == 2
    assert not list((tmp_path / "tmp").iterdir())


def test_a_speed_up_that_fell_because_one_device_got_faster_says_so(ab: Ab) -> None:
    ended = ab("--b-env", "PRETEND_ALONE=0.8", "--quiet", GITHUB_ACTIONS="true")
    assert ended.code == 3
    out = " ".join(ended.out.split())
    told = "one device is 25 % faster (+25.0 to +25.0 %); the pipeline's own step is unchanged ("
    assert "one device 26.9 33.7 +25.0 % +25.0 to +25.0 % ▲ improvement" in out
    assert f"parts B: speed-up, efficiency: {told}" in out
    assert "overall B: ▼ regression (speed-up)" in out
    assert told.replace("%", "%25") in ended.err


def test_what_nobody_asked_to_differ_is_not_comparable(ab: Ab, tmp_path: Path) -> None:
    other = documents.encode(one_launch()).replace(b'"hidden": 32', b'"hidden": 64')
    (tmp_path / "other.json").write_bytes(other)
    options = ("--b-env", f"PRETEND_RECORD={tmp_path / 'other.json'}")
    ended = ab(*options)
    assert (ended.code, len(order(tmp_path))) == (5, 2)
    assert "config.hidden: 32 -> 64" in ended.out
    assert ab(*options, "--allow-mismatch", "hidden").code == 0


def test_a_budget_that_ends_it_is_told(ab: Ab) -> None:
    assert "stopped: another round of" in ab("--budget=0.001").err


def test_sides_are_no_runs_that_latest_means(ab: Ab, pipebench: Pipebench, tmp_path: Path) -> None:
    assert ab("--output", "results/ab").code == 0  # where they go by default
    assert Path("results/ab") == _FOLDER
    assert pipebench("compare", "latest", "latest~1", cwd=tmp_path).code == 2


def test_options_of_a_side_may_change_the_plan_and_not_the_work(ab: Ab) -> None:
    """The pretended interpreter takes a schedule's name from the options, and a model's sizes from its record."""
    ended = ab("--b-run", "--schedule 1f1b", "--json", "--quiet")
    assert [each["field"] for each in json.loads(ended.out)["allowed"]] == ["config.schedule"]
    assert varied((Asked(run="--hidden 32"), Asked(run="--hidden 64"))) == PLAN
    assert not PLAN & {
        "clock",
        "machine.name",
        "config.hidden",
        "config.dtype",
        "config.input.words_per_step",
    }


def test_the_report_says_what_was_measured_and_how_often_it_was_looked_at(ab: Ab) -> None:
    ended = ab("--b-run", "--schedule 1f1b", "--", "--seed", "3")
    assert ended.code == 0
    assert "99.2 % interval" in ended.out
    assert "1 of 6 planned, each at 0.83 %: together 5 % at most" in ended.out
    assert "allowed  B: config.schedule: gpipe -> 1f1b" in ended.out
    assert "B: --schedule 1f1b" in ended.err
    assert "launch 8 of at most 48: side A" in ended.err
    assert "4 launches a side: same" in ended.err


def test_sides_take_turns_with_their_own_options_after_the_common_ones(ab: Ab, tmp_path: Path) -> None:
    ab("--a-run", "--seed 1", "--b-run", "--seed 2", "--", "--gpus", "2")
    lines = order(tmp_path)
    assert ["--seed 1" in line for line in lines] == [letter == "A" for letter in "ABBAABBA"]
    assert all(line.startswith("-P -m pipebench run --gpus 2 --seed ") for line in lines)
    assert all(" --launches 1 --json --quiet -o " in line for line in lines)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (
            ["--b-env", "PRETEND_EXIT=6 a rank died"],
            6,
            "side B ({python}, PRETEND_EXIT=6 a rank died): a rank died",
        ),
        (["--a-env", "PRETEND_EXIT=8 the deadline passed"], 8, "the deadline passed"),
        (["--a-env", "PRETEND_EXIT=7 too few GPUs"], 7, "too few GPUs"),
        (["--a-env", "PRETEND_EXIT=99 what"], 6, "side A"),
        (["--b-env", "PRETEND_EXIT=3 no verdict of ours"], 6, "no verdict of ours"),
        (["--b-env", "PRETEND_EXIT=130 interrupted by whom"], 6, "interrupted by whom"),
        (["--junit", "nowhere/ab.xml"], 2, "--junit nowhere/ab.xml: cannot be written"),
        (["--b-env", "PRETEND_MISSING=1"], 7, "no pipebench there (ModuleNotFoundError"),
        (["--b-env", "PRETEND_OUTPUT=hello"], 10, "side B"),
        (["--b-run", "--bad"], 2, "No such option: --bad"),
        (["--b-run", "--launches 3"], 2, "--launches: each launch is a run of its own"),
        (["--", "--json"], 2, "--json: each launch is a run of its own"),
        (["--b-run", "--x 'y"], 2, "expected options as in a shell"),
        (["--b-env", "x"], 2, "expected NAME=VALUE"),
        (["--b-python", "/nowhere/python"], 2, "--b-python /nowhere/python: no such interpreter"),
        (["--max-launches", "5"], 2, "expected an even number"),
        (["--budget", "0"], 2, "--budget must be a number of seconds above 0"),
        (["--gate", "speed=3%"], 2, "METRIC one of words_per_s"),
        (["--b-python", "true"], 7, "no pipebench there (no answer)"),
        (["--b-python", "\x1b[31mx"], 2, r"--b-python \x1b[31mx: no such interpreter"),
        (["--a", "HEAD"], 2, "expected two refs, found one"),
        (["--a", "HEAD", "--b", "HEAD"], 2, "is in no repository"),
        (["-o", "record.json"], 2, "expected a folder, found a file"),
    ],
)
def test_what_cannot_be_measured_is_one_line(
    ab: Ab, tmp_path: Path, options: list[str], code: int, words: str
) -> None:
    ended = ab("--quiet", *options)
    assert ended.code == code, ended.err
    errors = [line for line in ended.err.splitlines() if not line.startswith("kept: ")]
    assert len(errors) == 1
    assert words.format(python=tmp_path / "python") in errors[0]
    assert not list((tmp_path / "tmp").iterdir())


def test_sides_must_be_given(pipebench: Pipebench) -> None:
    ended = pipebench("ab", "--", "--gpus", "2")
    assert (ended.code, ended.out) == (2, "")
    assert "expected what the sides are" in ended.err


def test_a_side_that_fails_leaves_what_was_complete(ab: Ab, tmp_path: Path) -> None:
    ended = ab("--b-env", "PRETEND_EXIT=6 a rank died", "--junit", "ab.xml", GITHUB_ACTIONS="true")
    assert ended.code == 6
    (path,) = (tmp_path / "runs").glob("*.json")
    assert "-gpipe-a-" in path.name
    assert json.loads(path.read_text())["status"] == "aborted"
    assert f"kept: pipebench show {path.relative_to(tmp_path)}" in ended.err
    assert "::error title=pipebench ab::side B" in ended.err
    suite = ET.parse(tmp_path / "ab.xml").getroot()
    assert "error" in [child.tag for case in suite.iter("testcase") for child in case]


@pytest.mark.parametrize(("slower", "code"), [("1.1", 3), ("1", 0)])
def test_a_reader_who_leaves_changes_no_verdict(ab: Ab, tmp_path: Path, slower: str, code: int) -> None:
    def run(*arguments: str, cwd: Path, **changes: str) -> Ended:
        return Ended(unheard(*arguments, cwd=cwd, **changes), "", "")

    ended = ab("--b-env", f"PRETEND_SLOWER={slower}", "--junit", "ab.xml", by=run)
    assert ended.code == code
    assert ET.parse(tmp_path / "ab.xml").getroot().get("failures") == ("2" if code else "0")
    assert len(list((tmp_path / "runs").glob("*.json"))) == 2


def test_what_git_refuses_is_said_in_its_own_words_and_its_configuration_counts(
    pipebench: Pipebench, tmp_path: Path
) -> None:
    """A clone of another user, as git tells it to itself in its own tests."""
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    other = {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
    refs = ("ab", "--a", "HEAD~1", "--b", "HEAD", "--", "--gpus", "2")
    refused = pipebench(*refs, cwd=tmp_path, **other)
    assert refused.code == 7
    assert "fatal: detected dubious ownership in repository" in refused.err
    assert f"git config --global --add safe.directory {tmp_path}" in refused.err
    assert "is in no repository" not in refused.err
    safe = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": str(tmp_path),
    }
    trusted = pipebench(*refs, cwd=tmp_path, **other, **safe, GIT_DIR="/nowhere", GIT_INDEX_FILE="/nowhere")
    assert trusted.code == 2  # the repository is taken; it has no such commit
    assert f"--a HEAD~1: no such commit in {tmp_path} (git: fatal: " in trusted.err


def test_an_interpreter_that_fails_is_not_taken_for_one_without_pipebench(ab: Ab, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho 'Fatal Python error: no codec' >&2\nexit 1\n")
    told = ab("--b-python", str(broken))
    assert (told.code, "expected an interpreter, found no executable file" in told.err) == (2, True)
    broken.chmod(0o755)
    ended = ab("--b-python", str(broken))
    assert ended.code == 7
    assert f"{broken} cannot import pipebench: Fatal Python error: no codec" in ended.err


def test_what_our_own_streams_can_show_is_no_matter_of_the_sides(ab: Ab, tmp_path: Path) -> None:
    def run(*arguments: str, cwd: Path, **changes: str) -> Ended:
        return Ended(unheard(*arguments, cwd=cwd, **changes), "", "")

    assert ab("--json", "--quiet", by=run, PYTHONIOENCODING="utf-16").code == 0
