from pathlib import Path

import pytest

from pipebench.ab.telling import tell_one_commit, tell_uncommitted
from pipebench.ab.worktrees import worktrees
from tests.ab.test_worktrees import git


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    for name in ("one", "two"):
        (folder / "file").write_text(name)
        (folder / "other").write_text(name)
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "-m", name)
        git(folder, "tag", name)
    monkeypatch.chdir(folder)
    return folder


def told(place: Path, one: str, two: str, *first: str) -> list[str]:
    found: list[str] = []
    with worktrees([("--a", one), ("--b", two)], place) as trees:
        tell_one_commit(trees, found.append)
        tell_uncommitted(trees, found.append, first)
    return found


def test_two_names_of_one_commit_are_told(repository: Path, tmp_path: Path) -> None:
    assert told(tmp_path / "place", "one", "two") == []
    (line,) = told(tmp_path / "place", "two", "main")
    assert line == "--a two and --b main are one commit: both sides run the same code"


def test_edits_are_told_where_a_ref_is_what_is_checked_out(repository: Path, tmp_path: Path) -> None:
    for name in ("file", "other"):
        (repository / name).write_text("edited")
    (line,) = told(tmp_path / "place", "one", "HEAD", "./other")
    assert line.startswith("not committed: other and 1 more; the sides run what is committed")
    git(repository, "checkout", "--quiet", "--force", "one")
    (repository / "file").write_text("edited")
    assert told(tmp_path / "place", "two", "main") == [
        "--a two and --b main are one commit: both sides run the same code"
    ]
