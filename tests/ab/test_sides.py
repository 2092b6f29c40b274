import os
from pathlib import Path

import pytest

from pipebench.ab import answers
from pipebench.ab.sides import Side, check, check_options
from pipebench.config.config_file import SWITCH
from pipebench.errors import EnvironmentRefusedError, UsageError
from pipebench.provenance.origins import VARIABLE, Origins


def test_a_worktree_comes_before_whatever_was_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/given")
    environment = Side("A", "x", worktree=Path("/tree")).environment
    assert environment["PYTHONPATH"] == f"/tree{os.pathsep}/given"
    monkeypatch.delenv("PYTHONPATH")
    assert Side("A", "x", worktree=Path("/tree")).environment["PYTHONPATH"] == "/tree"
    assert "PYTHONPATH" not in Side("A", "x").environment


def test_another_interpreter_is_measured_without_our_own_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/given")
    monkeypatch.setenv("PYTHONHOME", "/home")
    own, other = Side("A", "x").environment, Side("B", "x", python="/other/python").environment
    assert (own["PYTHONPATH"], own["PYTHONHOME"]) == ("/given", "/home")
    assert not {"PYTHONPATH", "PYTHONHOME"} & other.keys()
    asked = Side("B", "x", python="/other/python", variables={"PYTHONPATH": "/asked"})
    assert asked.environment["PYTHONPATH"] == "/asked"


def test_a_side_takes_nothing_from_a_file(tmp_path: Path) -> None:
    assert Side("A", "x").environment[SWITCH] == "1"
    (tmp_path / "pipebench.toml").write_text("[run]\nno-such-option = 1\n")
    check(Side("A", "x", options=("--preset", "tiny", "--synthetic"), folder=tmp_path))


def test_a_worktree_that_is_not_what_is_imported_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentRefusedError, match="takes pipebench from elsewhere"):
        check(Side("A", "x", worktree=tmp_path))


def test_what_a_side_must_not_import_from_is_told_to_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "stray")
    assert VARIABLE not in Side("A", "x").environment
    told = Origins(own="/own", top="/top", foreign=("/top",), shared=True)
    assert Side("A", "x", origins=told).environment[VARIABLE] == told.encoded()


def test_a_pipebench_that_cannot_look_where_modules_come_from_is_refused(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\ncase "$*" in *origins*) exit 1;; *) echo /x/pipebench/__init__.py;; esac\n')
    python.chmod(0o755)
    told = Origins(own="/own", top="/top", foreign=(), shared=False)
    with pytest.raises(EnvironmentRefusedError, match="cannot tell where a model's code comes from; install"):
        check(Side("A", "x", python=str(python), origins=told))
    check(Side("A", "x", python=str(python)))


def test_a_side_runs_in_its_folder(tmp_path: Path) -> None:
    ended = answers.ended(Side("A", "x", folder=tmp_path), ["-c", "import os; print(os.getcwd())"])
    assert ended.stdout.decode().strip() == str(tmp_path)


def test_an_interpreter_that_cannot_be_started_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentRefusedError, match="cannot be started"):
        check(Side("A", "x", python=str(tmp_path)))


@pytest.mark.parametrize(
    "option", ["--launches", "--launches=3", "--quick", "-o", "--output=x", "--dry-run", "-h"]
)
def test_what_decides_about_the_record_is_not_an_option_of_a_side(option: str) -> None:
    check_options(["--gpus", "2", "--deadline", "60"])
    with pytest.raises(UsageError, match=option.partition("=")[0]):
        check_options(["--gpus", "2", option])


def test_what_is_told_of_a_side_holds_no_value_of_a_variable() -> None:
    side = Side("A", "v1, X=secret, Y=", variables={"X": "secret", "Y": ""})
    assert side.told == "v1, with X, with Y"
