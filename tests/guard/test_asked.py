"""From options to a metric and two sides."""

from pathlib import Path

import pytest

from pipebench.ab.asked import Asked
from pipebench.errors import UsageError
from pipebench.guard.asked import sides
from tests.ab.test_worktrees import git

ECHO = ["sh", "-c", "true"]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tags one and two, whose file below says which it is; three, without that folder. We stand below."""
    folder = tmp_path / "repository"
    (folder / "below").mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    for name in ("one", "two"):
        (folder / "below/train.sh").write_text(f"#!/bin/sh\necho {name}\n")
        (folder / "below/train.sh").chmod(0o755)
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "-m", name)
        git(folder, "tag", name)
    git(folder, "mv", "below", "other")
    git(folder, "commit", "--quiet", "-m", "three")
    git(folder, "tag", "three")
    git(folder, "checkout", "--quiet", "two")
    monkeypatch.chdir(folder / "below")
    return folder


def test_without_refs_both_sides_run_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with sides((Asked(), Asked(variables=["X=1", "Y="])), ECHO, tmp_path) as (one, other):
        assert one.folder == other.folder == tmp_path
        assert (one.text, other.text) == ("as it is", "with X, Y")
        assert dict(other.variables) == {"X": "1", "Y": ""}
        assert one.environment["PIPEBENCH_SIDE"] == "A"


@pytest.mark.usefixtures("repository")
def test_refs_run_in_the_users_folder_of_their_worktrees(tmp_path: Path) -> None:
    with sides((Asked(ref="one"), Asked(ref="two")), ["./train.sh"], tmp_path / "place") as both:
        texts = [(side.folder / "train.sh").read_text().split()[-1] for side in both]
        assert texts == ["one", "two"]
        assert all(side.folder.name == "below" and len(side.facts["commit"]) == 40 for side in both)
        assert both[0].text.startswith("one = ")
    assert not list((tmp_path / "place").iterdir())


@pytest.mark.parametrize(
    ("asked", "command", "words"),
    [
        (
            (Asked(ref="one"), Asked(ref="three")),
            ["./train.sh"],
            r"--b three: expected the folder below in it",
        ),
        ((Asked(ref="one"), Asked(ref="none")), ["./train.sh"], "--b none: no such commit"),
        ((Asked(ref="one"), Asked(ref="two")), ["./nothing.sh"], r"side A .*: ./nothing.sh: no such file in"),
        ((Asked(), Asked(variables=["X"])), ECHO, "--b-env 'X': expected NAME=VALUE"),
        (
            (Asked(variables=["PIPEBENCH_SIDE=B"]), Asked()),
            ECHO,
            "--a-env PIPEBENCH_SIDE=B: guard itself sets",
        ),
        ((Asked(), Asked(variables=["X=1"])), ["no-such-program"], r"side A .*: no such command in PATH"),
        ((Asked(), Asked(variables=["PATH=/nowhere"])), ["sh"], r"side B .*: no such command in PATH"),
        ((Asked(), Asked(variables=["X=1"])), ["./text"], r"cannot be executed: make it executable"),
    ],
)
def test_what_is_none_is_refused_before_anything_is_started(
    repository: Path, tmp_path: Path, asked: tuple[Asked, Asked], command: list[str], words: str
) -> None:
    (repository / "below/text").write_text("x")
    with pytest.raises(UsageError, match=words), sides(asked, command, tmp_path / "place"):
        pass


@pytest.mark.parametrize(
    "command",
    [
        ["{here}/train.sh"],
        ["sh", "{here}/train.sh"],
        ["sh", "{here}/../below/./train.sh"],
        ["sh", "{link}/train.sh"],
        ["sh", "-c", "cd /tmp && sh '{here}/train.sh' --x"],
        ["sh", "-c", "/" + "x" * 5000 + " {here}/train.sh"],
        ["sh", "x", "--config={here}/train.sh"],
        ["env", "PYTHONPATH=/nowhere:{here}", "true"],
    ],
)
def test_an_absolute_path_to_what_git_tracks_is_one_file_on_both_sides(
    repository: Path, tmp_path: Path, command: list[str]
) -> None:
    (tmp_path / "link").symlink_to(repository / "below")
    words = [word.format(here=repository / "below", link=tmp_path / "link") for word in command]
    with (
        pytest.raises(UsageError, match=r"git tracks it, .* same on both sides; give it relative .*: \./?"),
        sides((Asked(ref="one"), Asked(ref="two")), words, tmp_path / "place"),
    ):
        pass
    with sides((Asked(), Asked(variables=["X=1"])), words, tmp_path / "place"):
        pass


def test_an_absolute_path_to_what_git_does_not_track_is_good(repository: Path, tmp_path: Path) -> None:
    (repository / "below/data").mkdir()
    (repository / "below/data/own.sh").write_text("")
    (repository / "below/data/own.sh").chmod(0o755)
    command = [
        f"{repository}/below/data/own.sh",
        f"{repository}/below",
        f"PYTHONPATH={repository}/below/data",
    ]
    with sides((Asked(ref="one"), Asked(ref="two")), command, tmp_path / "place") as (one, _):
        assert one.command == tuple(command)


def test_what_only_the_working_tree_has_is_told(repository: Path, tmp_path: Path) -> None:
    (repository / "below/own.sh").write_text("")
    expected = (
        r"no such file in .*own.sh is in the working tree .* absolute path reaches it: /.*/below/own.sh"
    )
    with (
        pytest.raises(UsageError, match=expected),
        sides((Asked(ref="one"), Asked(ref="two")), ["./own.sh"], tmp_path / "place"),
    ):
        pass
