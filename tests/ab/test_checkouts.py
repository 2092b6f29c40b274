"""Refs of the user's own repository as sides: where each runs, what it is told, and what is refused or told before."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipebench.ab.asked import Asked, sides
from pipebench.ab.sides import Side
from pipebench.errors import UsageError
from tests.ab.test_worktrees import git

MODEL = ["--model", "model.py:build"]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tags: empty; old and new with bench/model.py; own with a version of pipebench too. The user stands in bench."""
    folder = tmp_path / "repository"
    (folder / "bench").mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    write(folder, "README", "x", tag="empty")
    write(folder, "bench/model.py", "old", tag="old")
    write(folder, "bench/model.py", "new", tag="new")
    write(folder, "pipebench/__main__.py", "", tag="own")
    git(folder, "rm", "--quiet", "-r", "pipebench")
    git(folder, "commit", "--quiet", "-m", "gone")
    monkeypatch.chdir(folder / "bench")
    return folder


def write(folder: Path, name: str, text: str, *, tag: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", tag)
    git(folder, "tag", tag)


@contextmanager
def opened(
    one: Asked, other: Asked, place: Path, common: list[str] | None = None
) -> Iterator[tuple[tuple[Side, Side], list[str]]]:
    told: list[str] = []
    with sides((one, other), MODEL if common is None else common, place, told.append) as both:
        yield both, told


def refused(one: str, other: str, place: Path, *common: str) -> str:
    with (
        pytest.raises(UsageError) as raised,
        opened(Asked(ref=one), Asked(ref=other), place, list(common) or MODEL),
    ):
        pass
    return str(raised.value)


def test_each_side_runs_in_its_checkout_where_the_user_stands_with_the_pipebench_that_is_installed(
    repository: Path, tmp_path: Path
) -> None:
    with opened(Asked(ref="old"), Asked(ref="new"), tmp_path / "place") as ((one, other), told):
        for side, text in ((one, "old"), (other, "new")):
            assert side.folder is not None
            assert (side.folder / "model.py").read_text() == text
            assert side.folder.name == "bench"
            assert side.worktree is None
            assert side.origins is not None
            assert side.origins.own == str(side.folder.parent)
            assert side.origins.top == str(repository)
            assert side.origins.shared
            assert side.origins.encoded() in side.environment.values()
        assert one.origins is not None
        assert other.origins is not None
        assert set(one.origins.foreign) == {str(repository), other.origins.own}
        assert set(other.origins.foreign) == {str(repository), one.origins.own}
        assert one.text == f"old = {one.facts['commit'][:12]}"
        assert told == []


def test_another_working_tree_of_the_repository_is_foreign_too(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"), "old")
    with opened(Asked(ref="old"), Asked(ref="new"), tmp_path / "place") as ((one, _), _told):
        assert one.origins is not None
        assert {str(repository), str(tmp_path / "linked")} < set(one.origins.foreign)


def test_sides_of_two_interpreters_have_packages_of_their_own(repository: Path, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    with opened(Asked(ref="old"), Asked(ref="new", python=str(python)), tmp_path / "place") as ((one, _), _):
        assert one.origins is not None
        assert not one.origins.shared


def test_two_versions_of_pipebench_are_as_ever_each_with_its_own_model(
    repository: Path, tmp_path: Path
) -> None:
    with opened(Asked(ref="own"), Asked(ref="own"), tmp_path / "place") as ((one, other), _):
        for side in (one, other):
            assert side.worktree is not None
            assert side.folder == side.worktree.resolve() / "bench"
        assert one.folder != other.folder
    with opened(Asked(ref="own"), Asked(ref="own"), tmp_path / "place", []) as ((one, _), told):
        assert (one.folder, one.origins) == (None, None)
        assert told == ["--a own and --b own are one commit: both sides run the same code"]


def test_a_built_in_model_stands_beside_one_of_a_ref(repository: Path, tmp_path: Path) -> None:
    one, other = Asked(ref="old", model="transformer"), Asked(ref="new", model="model.py:build")
    with opened(one, other, tmp_path / "place", []) as ((built_in, own), _):
        assert (built_in.worktree, built_in.folder, built_in.origins) == (None, None, None)
        assert own.origins is not None


def test_a_version_of_pipebench_beside_a_ref_without_runs_its_own_and_its_own_model(
    repository: Path, tmp_path: Path
) -> None:
    with opened(Asked(ref="own"), Asked(ref="new"), tmp_path / "place") as ((one, other), _):
        assert one.worktree is not None
        assert one.folder == one.worktree.resolve() / "bench"
        assert (other.worktree, one.origins is not None) == (None, True)


def test_a_ref_with_neither_pipebench_nor_a_model_of_ones_own(repository: Path, tmp_path: Path) -> None:
    for common in (["--gpus", "2"], ["--model", "seq2seq"]):
        text = refused("old", "new", tmp_path / "place", *common)
        assert text.startswith("--a old: no version of pipebench, there is no pipebench/__main__.py in it; ")
        assert "-- --model FILE.py:NAME" in text
    assert refused("own", "new", tmp_path / "place", "--gpus", "2").startswith("--b new: no version")


@pytest.mark.parametrize("model", ["model.py:build", "./../bench/model.py:build"])
def test_a_ref_without_the_file_names_side_ref_and_path(repository: Path, tmp_path: Path, model: str) -> None:
    text = refused("new", "empty", tmp_path / "place", "--model", model)
    commit = git(repository, "rev-parse", "empty")[:12]
    assert text.startswith(f"side B (--b empty): there is no bench/model.py in {commit}; ")
    assert "bench/model.py is in the working tree and not in this ref" in text
    assert "--a-model and --b-model" in text


def test_a_ref_without_the_users_folder_has_no_module_there(repository: Path, tmp_path: Path) -> None:
    text = refused("new", "empty", tmp_path / "place", "--model", "package.module:build")
    assert text.startswith("side B (--b empty): there is no bench in ")
    text = refused("new", "empty", tmp_path / "place", "--model", "/x.py:m")
    assert text.startswith("side B (--b empty): there is no folder bench in ")


def test_the_same_file_on_both_sides_is_refused(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absolute = f"{repository}/bench/model.py:build"
    text = refused("old", "new", tmp_path / "place", "--model", absolute)
    assert "would be the same file on both sides; give it relative to the folder that you are in" in text
    assert text.endswith(": model.py")
    (tmp_path / "link.py").symlink_to(repository / "bench/model.py")
    assert "the same file" in refused(
        "old", "new", tmp_path / "place", "--model", f"{tmp_path}/link.py:build"
    )
    text = refused("old", "new", tmp_path / "place", "--model", "../../other.py:build")
    assert f"expected a file in the repository {repository}" in text
    elsewhere = tmp_path / "elsewhere.py"
    with opened(Asked(ref="old"), Asked(ref="new"), tmp_path / "place", ["--model", f"{elsewhere}:m"]) as (
        both,
        _,
    ):
        assert both[0].origins is not None  # it may load what is in the checkout; the side itself will say


def test_a_file_in_a_submodule_is_not_in_a_checkout(repository: Path, tmp_path: Path) -> None:
    (repository / "third").mkdir()
    git(repository / "third", "init", "--quiet")
    (repository / "third/model.py").touch()
    text = refused("old", "new", tmp_path / "place", "--model", "../third/model.py:build")
    assert "it lies in the submodule third, which a checkout of a ref leaves empty" in text


def test_a_pointer_of_git_lfs_is_no_model(repository: Path, tmp_path: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n"
    write(repository, "bench/model.py", pointer, tag="lfs")
    assert "bench/model.py is a pointer of Git LFS" in refused("new", "lfs", tmp_path / "place")


def test_what_is_not_committed_is_told_where_a_ref_is_what_is_checked_out(
    repository: Path, tmp_path: Path
) -> None:
    (repository / "README").write_text("y")
    (repository / "bench/model.py").write_text("newer")
    (repository / "bench/untracked.txt").touch()
    with opened(Asked(ref="old"), Asked(ref="main"), tmp_path / "place") as (_, told):
        (text,) = told
        assert text.startswith("not committed: bench/model.py and 1 more; ")
    with opened(Asked(ref="new"), Asked(ref="old"), tmp_path / "place", ["--model", "/x.py:m"]) as (
        _,
        told,
    ):
        assert told == []  # neither is what is checked out
    git(repository, "checkout", "--quiet", "--", ".")
    with opened(Asked(ref="old"), Asked(ref="HEAD"), tmp_path / "place") as (_, told):
        assert told == []


def test_one_commit_on_both_sides_is_told_unless_the_models_differ(repository: Path, tmp_path: Path) -> None:
    with opened(Asked(ref="new"), Asked(ref="main~2"), tmp_path / "place") as (_, told):
        assert told == ["--a new and --b main~2 are one commit: both sides run the same code"]
    write(repository, "bench/other.py", "", tag="two")
    one, other = Asked(ref="two", model="model.py:m"), Asked(ref="two", model="other.py:m")
    with opened(one, other, tmp_path / "place", []) as ((first, second), told):
        assert told == []
        assert first.options == ("--model", "model.py:m")
        assert second.options == ("--model", "other.py:m")
        assert first.text.endswith(", --model model.py:m")


def test_a_folder_behind_a_link_is_where_it_leads_to(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(repository)
    monkeypatch.chdir(tmp_path / "link/bench")
    monkeypatch.setenv("PWD", str(tmp_path / "link/bench"))
    with opened(Asked(ref="old"), Asked(ref="new"), tmp_path / "place") as ((one, _), _):
        assert one.folder is not None
        assert (one.folder / "model.py").read_text() == "old"


def test_nothing_of_the_repository_is_left_behind(repository: Path, tmp_path: Path) -> None:
    refused("new", "empty", tmp_path / "place")
    listed = subprocess.run(["git", "worktree", "list"], cwd=repository, capture_output=True, check=True)
    assert listed.stdout.count(os.linesep.encode()) == 1
