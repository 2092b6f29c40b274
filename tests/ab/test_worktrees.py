"""Git refs as folders, and what is no ref of pipebench."""

import fcntl
import os
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
        assert [each.working_folder for each in (one, two)] == [each.folder / "below" for each in (one, two)]
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
    ],
)
def test_what_is_no_commit_is_refused(repository: Path, tmp_path: Path, ref: str, words: str) -> None:
    with (
        pytest.raises(UsageError, match=words.replace("^", r"\^")),
        worktrees([("--a", "one"), ("--b", ref)], tmp_path / "place"),
    ):
        pass
    assert linked(repository) == 1


def test_a_ref_says_whether_it_is_a_version_of_pipebench(repository: Path, tmp_path: Path) -> None:
    with worktrees([("--a", "one"), ("--b", "nothing")], tmp_path / "place") as found:
        assert [each.has_pipebench for each in found] == [True, False]
    assert linked(repository) == 1


def opened(ref: str, place: Path) -> None:
    with worktrees([("--a", ref)], place):
        pass


def test_outside_of_a_repository_there_are_no_refs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UsageError, match=r"is in no repository .git: fatal: not a git repository"):
        opened("x", tmp_path / "place")


def test_a_clone_of_another_user_is_refused_in_gits_own_words(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    with pytest.raises(
        EnvironmentRefusedError, match=r"dubious ownership.*git config --global --add safe.directory"
    ):
        opened("one", tmp_path / "place")
    for name, value in (("COUNT", "1"), ("KEY_0", "safe.directory"), ("VALUE_0", str(repository))):
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    opened("one", tmp_path / "place")


def test_a_bare_repository_is_refused_in_gits_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "--quiet", "--bare")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EnvironmentRefusedError, match="fatal: this operation must be run in a work tree"):
        opened("HEAD", tmp_path / "place")


def test_a_shallow_clone_is_told_how_to_get_the_rest(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{repository}", "clone")
    monkeypatch.chdir(tmp_path / "clone")
    with pytest.raises(
        UsageError, match=r"--a HEAD~1: no such commit in .*; this clone is shallow: git fetch --unsh"
    ):
        opened("HEAD~1", tmp_path / "place")


def test_an_object_that_is_lost_is_no_version_without_pipebench(repository: Path, tmp_path: Path) -> None:
    tree = git(repository, "rev-parse", "one^{tree}")
    (repository / ".git/objects" / tree[:2] / tree[2:]).unlink()
    with pytest.raises(
        EnvironmentRefusedError, match=rf"git ls-tree in .*(fatal|error): .*{tree}|not a tree"
    ):
        opened("one", tmp_path / "place")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("kill -9 $$", "killed by SIGKILL"),
        ("exit 3", "exit 3"),
        (
            "echo 12:00:00.123456 git.c:1 trace >&2; echo noise >&2; echo fatal: why >&2; echo how >&2; exit 1",
            "refuses: fatal: why how$",
        ),
        ("echo oh >&2; exit 1", "refuses: oh$"),
    ],
)
def test_what_git_says_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, words: str
) -> None:
    (tmp_path / "git").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(EnvironmentRefusedError, match=words):
        opened("HEAD", tmp_path / "place")


def test_a_git_that_does_not_start_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "git").write_bytes(b"\x7fELF broken")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(EnvironmentRefusedError, match=r"git cannot be started .Exec format error"):
        opened("HEAD", tmp_path / "place")


def test_no_hook_runs_and_no_variable_of_a_hook_counts(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = repository / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hooked\n")
    hook.chmod(0o755)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_NAMESPACE", "other")
    monkeypatch.setenv("GIT_PREFIX", "below/")
    with worktrees([("--a", "one")], tmp_path / "place") as (one,):
        assert (one.folder / "pipebench/__main__.py").read_text() == "one"
    assert not (tmp_path / "elsewhere").exists()
    assert not (tmp_path / "hooked").exists()


def test_without_git_it_says_so(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(EnvironmentRefusedError, match="need git"),
        worktrees([("--a", "one")], tmp_path / "place"),
    ):
        pass
