"""Git refs as folders, and what is no ref of pipebench."""

import fcntl
import subprocess
import tempfile
from pathlib import Path

import pytest

from pipebench.ab.worktrees import worktrees
from pipebench.errors import EnvironmentRefusedError, UsageError


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")
    return subprocess.run(
        ["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tags one and two, whose package says which it is; nothing, without a package. The working folder is below it."""
    folder = tmp_path / "repository"
    (folder / "pipebench").mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    for name in ("one", "two"):
        (folder / "pipebench/__main__.py").write_text(name)
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "-m", name)
        git(folder, "tag", name)
    git(folder, "mv", "pipebench", "other")
    git(folder, "commit", "--quiet", "-m", "nothing")
    git(folder, "tag", "nothing")
    (folder / "below").mkdir()
    monkeypatch.chdir(folder / "below")
    return folder


def linked(repository: Path) -> int:
    return len(git(repository, "worktree", "list").splitlines())


def test_each_ref_is_a_folder_of_its_own_until_the_end(repository: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    with worktrees([("--a", "one"), ("--b", "main~1")], place) as (one, two):
        texts = [(each.folder / "pipebench/__main__.py").read_text() for each in (one, two)]
        assert texts == ["one", "two"]
        assert [each.commit for each in (one, two)] == [
            git(repository, "rev-parse", ref) for ref in ("one", "two")
        ]
        assert linked(repository) == 3
    assert linked(repository) == 1
    assert not list(place.iterdir())


def test_they_are_gone_whatever_ends_the_measurement(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), worktrees([("--a", "one"), ("--b", "one")], tmp_path / "place"):
        raise KeyboardInterrupt
    assert linked(repository) == 1


def test_what_a_killed_one_left_is_cleared_and_other_worktrees_stay(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    killed, used, foreign = (tmp_path / name for name in ("pipebench-ab-killed", "pipebench-ab-used", "mine"))
    for folder in (killed, used, foreign):
        folder.mkdir()
        (folder / "in-use").touch()
        git(repository, "worktree", "add", "--quiet", "--detach", str(folder / "worktree-0"), "one")
    with (used / "in-use").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with worktrees([("--a", "one"), ("--b", "two")], tmp_path / "place"):
            assert not killed.exists()
            assert (used / "worktree-0/pipebench").is_dir()
            assert (foreign / "worktree-0/pipebench").is_dir()
            assert linked(repository) == 5
    assert linked(repository) == 3


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        ("nowhere", "--b nowhere: no such commit in"),
        ("one^{tree}", "no such commit in"),
        ("nothing", "--b nothing: no version of pipebench, there is no pipebench/__main__.py in it"),
    ],
)
def test_what_is_no_version_of_pipebench_is_refused(
    repository: Path, tmp_path: Path, ref: str, words: str
) -> None:
    with (
        pytest.raises(UsageError, match=words.replace("^", r"\^")),
        worktrees([("--a", "one"), ("--b", ref)], tmp_path / "place"),
    ):
        pass
    assert linked(repository) == 1


def test_outside_of_a_repository_there_are_no_refs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UsageError, match="is in none"), worktrees([("--a", "x")], tmp_path / "place"):
        pass


def test_no_hook_runs_and_no_variable_of_a_hook_counts(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = repository / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hooked\n")
    hook.chmod(0o755)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    with worktrees([("--a", "one")], tmp_path / "place"):
        pass
    assert not (tmp_path / "hooked").exists()


def test_without_git_it_says_so(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(EnvironmentRefusedError, match="need git"),
        worktrees([("--a", "one")], tmp_path / "place"),
    ):
        pass
