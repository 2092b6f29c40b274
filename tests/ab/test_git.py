"""Git as it is run; what it says of refs is in ``test_worktrees``."""

import os
from pathlib import Path

import pytest

from pipebench.ab.git import git, must, why
from pipebench.errors import EnvironmentRefusedError
from tests.ab.test_worktrees import git as as_user


def test_it_answers_of_the_folder_it_is_run_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_user(tmp_path, "init", "--quiet")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert must(["rev-parse", "--show-toplevel"], tmp_path).strip() == os.path.realpath(tmp_path)


def test_a_failure_is_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_user(tmp_path, "init", "--quiet")
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    ended = git(["rev-parse", "--verify", "nowhere"], tmp_path)
    assert ended.returncode
    assert why(ended) == "fatal: Needed a single revision"
    with pytest.raises(EnvironmentRefusedError, match=f"git rev-parse in {tmp_path}: fatal: Needed"):
        must(["rev-parse", "--verify", "nowhere"], tmp_path)
