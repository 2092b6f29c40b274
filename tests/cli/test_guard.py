"""``pipebench guard`` through the installed command."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.ab.test_worktrees import git
from tests.cli.conftest import COMMAND, Ended, Pipebench, environment
from tests.guard.launches import SCRIPT
from tests.guard.test_running import is_there, written

Guard = Callable[..., Ended]
STEP = ("--metric", "step_s")
SLOWER = ("--b-env", "SLOWER=1.1")


@pytest.fixture
def guard(pipebench: Pipebench, tmp_path: Path) -> Guard:
    """``guard`` of a script with a virtual clock, or of another; its folder is ``tmp_path / "kept"``."""

    def run(*arguments: str, script: str = SCRIPT, **changes: str) -> Ended:
        (tmp_path / "train.py").write_text(script)
        command = ("-o", "kept", "--", sys.executable, "train.py")
        return pipebench(
            "guard", *STEP, *arguments, *command, cwd=tmp_path, COUNTER=str(tmp_path / "counter"), **changes
        )

    return run


@pytest.mark.parametrize(
    ("options", "code", "verdict", "launches"),
    [
        (SLOWER, 3, "regression", 4),
        (("--b-env", "X=1"), 0, "same", 4),
        (("--b-env", "X=1", "--warm-launches", "1"), 0, "same", 4),
        (("--a-env", "SLOWER=1.1"), 0, "improvement", 4),
        ((*SLOWER, "--higher-is-better"), 0, "improvement", 4),
        ((*SLOWER, "--gate", "30%"), 0, "same", 4),
        (("--b-env=NOISE=0.3", "--a-env=NOISE=0.3", "--max-launches=4"), 4, "inconclusive", 4),
        (
            ("--b-env=NOISE=0.3", "--a-env=NOISE=0.3", "--max-launches=4", "--allow-inconclusive"),
            0,
            "inconclusive",
            4,
        ),
        ((*SLOWER, "--budget=0.001", "--allow-inconclusive"), 4, "inconclusive", 2),
    ],
)
def test_the_exit_code_is_the_verdict(
    guard: Guard, options: tuple[str, ...], code: int, verdict: str, launches: int
) -> None:
    ended = guard(*options, "--json")
    assert ended.code == code, ended.err
    found = json.loads(ended.out)
    assert found["overall"] == {"verdict": verdict, "metrics": ["step_s"]}
    assert found["metrics"]["step_s"]["launches"] == [launches, launches]
    assert found["candidate"]["command"]["metric"]["field"] == "step_s"


def test_real_time_is_told_apart(guard: Guard) -> None:
    """A step of 10 ms against one of 30: no noise of a machine makes up for that."""
    script = (
        "import json, os, time\nfor _ in range(3):\n    begun = time.perf_counter()\n"
        "    time.sleep(float(os.environ['STEP']))\n"
        "    print(json.dumps({'step_s': time.perf_counter() - begun}))"
    )
    ended = guard("--a-env", "STEP=0.01", "--b-env", "STEP=0.03", "--gate", "50%", script=script)
    assert ended.code == 3, ended.err


def test_two_commits_are_told_apart_from_a_folder_below(pipebench: Pipebench, tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    (folder / "src").mkdir(parents=True)
    git(folder, "init", "--quiet")
    for slower in (1.0, 1.1):
        (folder / "src/own.py").write_text(f"SLOWER = {slower}")
        (folder / "src/train.py").write_text(
            "import own, random\nfor _ in range(5): print('{\"step_s\": %r}' % (own.SLOWER * random.gauss(1, .001)))"
        )
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "-m", str(slower))
    (folder / "src/own.py").write_text("raise SystemExit('the working folder is none of the sides')")
    refs = ("--a", "HEAD~1", "--b", "HEAD")
    command = ("--", sys.executable, "train.py")
    ended = pipebench("guard", *STEP, *refs, "-o", str(tmp_path / "kept"), *command, cwd=folder / "src")
    assert ended.code == 3, ended.err
    assert all(
        f"HEAD{back} = {git(folder, 'rev-parse', f'HEAD{back}')[:12]}" in ended.out for back in ("~1", "")
    )
    commits = [
        json.loads(path.read_text())["environment"]["commit"] for path in (tmp_path / "kept").glob("*.json")
    ]
    assert sorted(commits) == sorted(git(folder, "rev-parse", ref) for ref in ("HEAD~1", "HEAD"))
    same = pipebench("guard", *STEP, "--a", "HEAD", "--b", "HEAD", "--quiet", *command, cwd=folder / "src")
    assert (same.code, same.err) == (0, "")
    assert len(git(folder, "worktree", "list").splitlines()) == 1


@pytest.mark.parametrize(
    ("script", "options", "code", "words"),
    [
        ("raise ValueError('no data')", (), 6, "ended with exit code 1: ValueError: no data"),
        ("import os; os.kill(os.getpid(), 9)", (), 6, "was killed by signal 9"),
        ("import os, time; os.kill(os.getppid(), 9); time.sleep(60)", (), 6, "its keeper, "),
        ("print('{\"step_s\": NaN}')", (), 6, "step_s is NaN"),
        ("print('{\"loss\": 1}')", (), 2, "with the keys loss"),
        ("print('{\"step_s\": 1}')", (), 2, "give --skip 0"),
        ("print('\\xff\\xfe', 1)", (), 2, "none of which ends in a JSON object"),
        ("import time; time.sleep(60)", ("--timeout", "0.2"), 8, "give more --timeout"),
    ],
)
def test_what_goes_wrong_is_one_line_and_an_exit_code(
    guard: Guard, script: str, options: tuple[str, ...], code: int, words: str
) -> None:
    ended = guard("--b-env", "X=1", "--quiet", *options, script=script)
    assert (ended.code, ended.out) == (code, "")
    errors = [line for line in ended.err.splitlines() if line.startswith("pipebench: error: side A")]
    assert len(errors) == 1
    assert words in errors[0]
    assert "Traceback" not in ended.err


def test_the_errors_of_a_launch_are_told_of(guard: Guard, tmp_path: Path) -> None:
    ended = guard("--b-env", "X=1", script="raise SystemExit('at length')")
    (log,) = (tmp_path / "kept").glob("*.log")
    assert log.read_text() == "at length\n"
    assert f"its stderr: kept/{log.name}" in ended.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--metric", "x", "--b-env", "X=1"), "expected the command to measure, after --"),
        (("--metric", "x", "--", "true"), "guard: expected what the sides are: --a and --b, or"),
        (("--metric", "a|b", "--b-env", "X=1", "--", "true"), "--metric 'a|b': expected a key"),
        (("--metric", "tokens_per_second", "--b-env", "X=1", "--", "true"), "sounds as if more is better"),
        (("--metric", "x", "--b-env", "X=1", "--", "no-such-program"), "no-such-program: no such command"),
        (
            ("--metric", "x", "--b-env", "X=1", "true", "--epochs", "3"),
            "the command and its options come last",
        ),
        (
            ("--metric", "x", "--b-env", "X=1", "--warm-launches", "-1", "--", "true"),
            "must be 0 or more, got -1",
        ),
        (("--b-env", "X=1", "--", "true"), "Missing option '--metric'"),
    ],
)
def test_wrong_usage_is_told(
    pipebench: Pipebench, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    ended = pipebench("guard", *arguments, cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_an_interrupted_one_keeps_its_launches_and_leaves_nothing_running(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """The third launch starts a grandchild in a session of its own, and hangs."""
    (tmp_path / "train.py").write_text(
        "import os, time\nwith open('count', 'a') as file: file.write('x')\n"
        "print('{\"step_s\": 1}\\n' * 2)\n"
        "if os.path.getsize('count') == 3:\n"
        "    if not os.fork(): os.setsid(); open('process', 'w').write(str(os.getpid()))\n"
        "    time.sleep(60)\n"
    )
    command = ["--", sys.executable, "train.py"]
    running = subprocess.Popen(
        [COMMAND, "guard", *STEP, "--b-env", "X=1", "-o", "kept", *command],
        cwd=tmp_path,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    process = written(tmp_path / "process")
    begun = time.monotonic()
    running.send_signal(number)
    _, err = running.communicate(timeout=60)
    assert (running.returncode, time.monotonic() - begun < 20) == (code, True), err
    assert not is_there(process)
    kept = [json.loads(path.read_text()) for path in sorted((tmp_path / "kept").glob("*.json"))]
    assert [(each["status"], len(each["launches"])) for each in kept] == [("aborted", 1), ("aborted", 1)]


def test_junit_and_github_are_told(guard: Guard, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    ended = guard(
        *SLOWER, "--junit", "out.xml", "--json", GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary)
    )
    assert json.loads(ended.out)["gate"]["exit_code"] == 3
    suite = ET.parse(tmp_path / "out.xml").getroot()
    assert (suite.get("failures"), suite[1].get("name")) == ("1", "step_s")
    assert "::error title=pipebench guard%3A regression (step_s)::step_s regression: " in ended.err
    assert "step\\_s" in summary.read_text()
    assert all("lower is better" in text for text in (ended.err, (tmp_path / "out.xml").read_text()))
    assert "step\\_s, lower is better" in summary.read_text()
    found = json.loads(ended.out)
    assert (found["reference"]["text"], found["candidate"]["text"]) == ("as it is", "with SLOWER")
    assert "A: as it is | B: with SLOWER" in ended.err
    assert [each.get("value") for each in suite[0][1:3]] == ["as it is", "with SLOWER"]
    assert "A: as it is | B: with SLOWER" in str(suite[1][0].text)
    assert "`with SLOWER`; `" in summary.read_text()


def test_a_failure_is_in_junit_too(guard: Guard, tmp_path: Path) -> None:
    guard("--b-env", "X=1", "--junit", "out.xml", script="raise SystemExit('bad')")
    assert "exit code 1: bad" in (tmp_path / "out.xml").read_text()


def test_it_starts_in_a_blink_and_without_torch(pipebench: Pipebench, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pipebench.cli.main import run\n"
        f"run(['guard', '--metric', 'x_s', '--skip', '0', '--b-env', 'X=1', '--', {sys.executable!r}, '-c', "
        "'print(\\'{\"x_s\": 1}\\')'])\nprint('torch' in sys.modules, file=sys.stderr)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ),
    )
    assert ended.stderr.split()[-1] == "False"
