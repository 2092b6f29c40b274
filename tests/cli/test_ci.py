"""What ``check`` tells a CI system: annotations and job summaries on GitHub, JUnit, the exit code whoever listens."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from socket import gethostname
from xml.etree import ElementTree as ET

import pytest
from junitparser import JUnitXml

from tests.cli import golden
from tests.cli.conftest import COMMAND, Ended, Pipebench, environment, unheard
from tests.cli.gated import written


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return written(tmp_path)


@pytest.mark.parametrize(("current", "code"), [("slower", 3), ("same", 0), ("noisy", 4)])
@pytest.mark.parametrize("form", [[], ["--json"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_who_leaves_changes_no_verdict(
    folder: Path, current: str, code: int, form: list[str], unbuffered: str
) -> None:
    arguments = ("check", f"{current}.json", "--against", "base.json", "--junit", "x.xml", *form)
    assert unheard(*arguments, cwd=folder, PYTHONUNBUFFERED=unbuffered) == code
    assert ET.parse(folder / "x.xml").getroot().get("tests") == "2"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["compare", "other.json", "base.json"], 5),
        (["compare", "other.json", "base.json", "--json"], 5),
        (["compare", "same.json", "base.json", "--format", "md"], 0),
        (["check", "--self-test", "noisy.json"], 4),
        (["check", "--self-test", "noisy.json", "--json"], 4),
        (["baseline", "verify"], 10),
        (["show", "base.json"], 0),
        (["show", "none.json"], 2),
        (["compar"], 2),
        (["list", "."], 0),
    ],
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_who_leaves_changes_no_exit_code(
    folder: Path, arguments: list[str], code: int, unbuffered: str
) -> None:
    place = folder / "results/baselines/main"
    place.mkdir(parents=True)
    (place / "0.json").write_text("{")
    assert unheard(*arguments, cwd=folder, PYTHONUNBUFFERED=unbuffered) == code


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(("current", "code"), [("slower", 3), ("same", 7)])
def test_a_full_disk_is_a_failure_but_no_way_around_a_verdict(
    folder: Path, current: str, code: int, unbuffered: str
) -> None:
    arguments = ("check", f"{current}.json", "--against", "base.json")
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [COMMAND, *arguments],
            cwd=folder,
            env=environment(PYTHONUNBUFFERED=unbuffered),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (
        code,
        "pipebench: error: stdout: cannot be written: no space left there; free some, or send it elsewhere\n",
    )


@pytest.mark.parametrize("current", ["same", "slower", "noisy", "other", "aborted", "hostile"])
def test_golden_checks_on_github(
    pipebench: Pipebench, folder: Path, write_golden: bool, current: str
) -> None:
    against = "friendly.json" if current == "hostile" else "base.json"
    arguments = ("check", f"{current}.json", "--against", against)
    summary = folder / "summary.md"
    ended = pipebench(*arguments, cwd=folder, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
    told = Ended(ended.code, f"{ended.out}--- summary\n{summary.read_text()}", ended.err)
    golden.check(f"check-{current}", arguments, told, write=write_golden)
    assert len([line for line in ended.err.splitlines() if line.startswith("::")]) == 1
    assert not [line for line in ended.out.splitlines() if line.lstrip().startswith("::")]


def test_json_is_alone_on_stdout_on_github_too(pipebench: Pipebench, folder: Path) -> None:
    ended = pipebench(
        "check", "slower.json", "--against", "base.json", "--json", cwd=folder, GITHUB_ACTIONS="true"
    )
    assert json.loads(ended.out)["gate"]["exit_code"] == 3
    assert ended.err.startswith("::error title=pipebench check%3A regression (words/s%2C speed-up)::")


def test_a_job_s_summary_grows_and_its_absence_changes_nothing(pipebench: Pipebench, folder: Path) -> None:
    summary = folder / "summary.md"
    for current, code in (("slower", 3), ("same", 0)):
        arguments = ("check", f"{current}.json", "--against", "base.json")
        ended = pipebench(*arguments, cwd=folder, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
        assert ended.code == code
    assert summary.read_text().count("## pipebench check: ") == 2
    nowhere = pipebench(*arguments, cwd=folder, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY="/nowhere/x")
    assert nowhere.code == 0
    assert "no job summary" in nowhere.err


def test_a_junit_file_replaces_nothing_else(pipebench: Pipebench, folder: Path) -> None:
    arguments = ("check", "slower.json", "--against", "base.json", "--junit")
    before = (folder / "slower.json").read_bytes()
    ended = pipebench(*arguments, "slower.json", cwd=folder)
    assert (ended.code, (folder / "slower.json").read_bytes()) == (2, before)
    assert "--junit slower.json: expected no file or one of JUnit" in ended.err
    assert [pipebench(*arguments, "new.xml", cwd=folder).code for _ in range(2)] == [3, 3]


@pytest.mark.parametrize(("current", "errors"), [("slower.json", 0), ("none.json", 1)])
def test_a_junit_file_is_of_this_host_and_of_now(
    pipebench: Pipebench, folder: Path, current: str, errors: int
) -> None:
    before = datetime.now(UTC).replace(microsecond=0, tzinfo=None)
    pipebench("check", current, "--against", "base.json", "--junit", "x.xml", cwd=folder)
    after = datetime.now(UTC).replace(tzinfo=None)
    (suite,) = JUnitXml.fromfile(str(folder / "x.xml"))
    assert before <= datetime.fromisoformat(suite.timestamp) <= after
    assert suite.hostname == gethostname()
    assert 0 < suite.time < 60
    assert suite.errors == errors


@pytest.mark.parametrize(
    ("arguments", "code"), [(["none.json"], 2), (["corrupt.json"], 10), (["slower.json"], 3)]
)
def test_a_full_stderr_changes_no_exit_code(folder: Path, arguments: list[str], code: int) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [COMMAND, "check", *arguments, "--against", "base.json"],
            cwd=folder,
            env=environment(GITHUB_ACTIONS="true"),
            stdout=subprocess.DEVNULL,
            stderr=full,
            check=False,
        )
    assert ended.returncode == code


def test_nothing_is_told_to_github_elsewhere(pipebench: Pipebench, folder: Path) -> None:
    ended = pipebench("check", "slower.json", "--against", "base.json", cwd=folder, GITHUB_ACTIONS="")
    assert (ended.code, ended.err) == (3, "")


@pytest.mark.parametrize(
    ("arguments", "code", "outcomes"),
    [
        (["slower.json"], 3, ["failure", "failure"]),
        (["same.json"], 0, []),
        (["noisy.json"], 4, ["failure", "failure"]),
        (["noisy.json", "--allow-inconclusive"], 0, ["skipped", "skipped"]),
        (["other.json"], 5, ["error", "error"]),
        (["corrupt.json"], 10, ["error"]),
        (["none.json"], 2, ["error"]),
    ],
)
def test_junit_says_what_the_exit_code_says(
    pipebench: Pipebench, folder: Path, arguments: list[str], code: int, outcomes: list[str]
) -> None:
    ended = pipebench("check", *arguments, "--against", "base.json", "--junit", "check.xml", cwd=folder)
    assert ended.code == code
    suite = ET.parse(folder / "check.xml").getroot()
    found = [child.tag for case in suite.iter("testcase") for child in case if child.tag != "system-out"]
    assert found == outcomes


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.json", "--against", "base.json"], "none.json: no such record"),
        (["same.json", "--against", "base.json", "--gate", "foo"], "--gate 'foo'"),
        (["same.json"], "check: expected CURRENT"),
        (["same.json", "--agains", "base.json"], "No such option: --agains (Possible options: --against)"),
        (["same.json", "--against", "base.json", "--junit", "no/x.xml"], "--junit no/x.xml: cannot be"),
        (["--self-test", "none.json"], "none.json: no such record"),
        (["same.json", "--against"], "Option '--against' requires an argument."),
    ],
)
def test_errors_are_told_to_github_too(
    pipebench: Pipebench, folder: Path, arguments: list[str], words: str
) -> None:
    summary = folder / "summary.md"
    ended = pipebench(
        "check", *arguments, cwd=folder, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary)
    )
    assert ended.code == 2
    assert ended.err.startswith(f"::error title=pipebench check::{words}")
    assert words in summary.read_text()
