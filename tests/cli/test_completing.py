"""A shell completes commands, options, and the names that they take."""

import shutil
import subprocess
from pathlib import Path
from unittest import mock

import pytest
import shellingham

from pipebench.models.registry import MODELS
from pipebench.plan.schedules import SCHEDULES
from tests.cli.conftest import COMMAND, CompletedRun, environment
from tests.cli.inside import printed
from tests.cli.test_app import COMMANDS, GROUPS


def completed_words(line: str, cwd: Path) -> list[str]:
    """What bash is given for a line, by the protocol of its completion function."""
    words = line.split(" ")
    asked = {
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
        "_PIPEBENCH_COMPLETE": "complete_bash",
    }
    ended = subprocess.run(
        [COMMAND], env=environment(**asked), cwd=cwd, capture_output=True, text=True, check=True
    )
    assert ended.stderr == ""
    return ended.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_itself_completes_the_commands(tmp_path: Path) -> None:
    script = (
        'eval "$(_PIPEBENCH_COMPLETE=source_bash pipebench)"; COMP_WORDS=(pipebench c); COMP_CWORD=1; '
        '_pipebench_completion pipebench; echo "${COMPREPLY[@]}"'
    )
    ended = subprocess.run(
        ["bash", "-c", script], env=environment(), cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ended.stdout.split() == [name for name in COMMANDS if name.startswith("c")]


def test_all_commands_are_completed(tmp_path: Path) -> None:
    assert completed_words("pipebench ", tmp_path) == [*COMMANDS, *GROUPS]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("pipebench run --sched", ["--schedule"]),
        ("pipebench run --schedule ", list(SCHEDULES)),
        ("pipebench run --model transformer --preset ", list(MODELS["transformer"].presets)),
        ("pipebench run --device c", ["cuda", "cpu"]),
        ("pipebench compare --format j", ["json", "junit"]),
        ("pipebench baseline p", ["promote"]),
    ],
)
def test_options_and_their_names_are_completed(line: str, expected: list[str], tmp_path: Path) -> None:
    assert completed_words(line, tmp_path) == expected


def test_records_are_completed(completed: CompletedRun, tmp_path: Path) -> None:
    line = f"pipebench show -o {completed.folder} "
    assert completed_words(line, tmp_path) == ["latest", completed.path.stem]
    assert completed_words("pipebench show ", tmp_path) == []  # so that bash completes files


def test_baselines_are_completed(tmp_path: Path) -> None:
    saved = tmp_path / "results/baselines/main/0.json"
    saved.parent.mkdir(parents=True)
    saved.touch()
    assert completed_words("pipebench check --against m", tmp_path) == ["main"]


@pytest.mark.parametrize("option", ["--install-completion", "--show-completion"])
def test_without_a_known_shell_a_line_says_so(option: str, tmp_path: Path) -> None:
    with mock.patch.object(shellingham, "detect_shell", side_effect=shellingham.ShellDetectionFailure):
        code, _, err = printed(option, cwd=tmp_path)
    assert code == 2
    assert f"pipebench: error: {option}: expected to be started in bash" in err.decode()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_it_is_installed_where_bash_reads_it(tmp_path: Path) -> None:
    ended = subprocess.run(
        ["bash", "-c", f"{COMMAND} --install-completion; exit $?"],
        env=environment(HOME=str(tmp_path)),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ".bash_completions/pipebench.sh" in (tmp_path / ".bashrc").read_text()
    assert "_pipebench_completion" in (tmp_path / ".bash_completions/pipebench.sh").read_text()
