"""Git refs as folders: a worktree for each, gone at the end whatever ends us.

pipebench is pure Python, so a worktree is all that a version needs besides the packages that are installed: nothing is
built and nothing is downloaded. A version that needs other packages is a case for ``--a-python`` and ``--b-python``.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pipebench.ab.git import git, must, why
from pipebench.ab.place import WORKTREE, abandoned
from pipebench.errors import EnvironmentRefusedError, UsageError
from pipebench.system import signals

PACKAGE = "pipebench/__main__.py"


class Worktree(NamedTuple):
    """A ref's folder and its commit; ``has_pipebench``: it is a version of pipebench.

    ``option`` is the option that named the ref, ``top`` the working tree of the repository that the user is in, and
    ``below`` the user's folder in it.
    """

    option: str
    ref: str
    commit: str
    folder: Path
    has_pipebench: bool
    top: Path
    below: Path

    @property
    def text(self) -> str:
        """The ref as it was given, with its commit unless it is that."""
        return self.ref if self.commit.startswith(self.ref) else f"{self.ref} = {self.commit[:12]}"

    @property
    def working_folder(self) -> Path:
        """The folder of the worktree that stands for the user's working folder."""
        return self.folder / self.below


@contextmanager
def worktrees(refs: Sequence[tuple[str, str]], place: Path) -> Iterator[list[Worktree]]:
    """Each (option, ref) of the repository in the working folder, checked out below ``place``.

    What a killed ``ab`` left of this repository is cleared away; other worktrees stay, wherever they are.

    Raises:
        UsageError: No repository here, or no such ref.
        EnvironmentRefusedError: There is no git, or it cannot make a worktree.
    """
    top = _top()
    below = Path(must(["rev-parse", "--show-prefix"], Path.cwd()).removesuffix("\n"))
    found = []
    for number, (option, ref) in enumerate(refs):
        commit, folder = _commit(option, ref, top), place / f"{WORKTREE}{number}"
        found.append(Worktree(option, ref, commit, folder, _has_pipebench(commit, top), top, below))
    _clear(top)
    try:
        for each in found:
            must(["worktree", "add", "--quiet", "--detach", "--force", str(each.folder), each.commit], top)
        yield found
    finally:
        with signals.held():  # signals wait between the calls too
            for each in found:
                _remove(each.folder, top)


def working_trees(top: Path) -> set[Path]:
    """All working trees of the repository: the first one and those that are linked to it."""
    listed = git(["worktree", "list", "--porcelain", "-z"], top).stdout.split("\0")
    return {Path(line.removeprefix("worktree ")) for line in listed if line.startswith("worktree ")}


def _clear(top: Path) -> None:
    linked = working_trees(top)
    for folder in abandoned():
        mine = [path for path in folder.resolve().glob(f"{WORKTREE}*") if path in linked]
        with signals.held():
            for path in mine:
                _remove(path, top)
            if mine:
                shutil.rmtree(folder, ignore_errors=True)


def _remove(folder: Path, top: Path) -> None:
    git(["worktree", "remove", "--force", "--force", str(folder)], top)
    shutil.rmtree(folder, ignore_errors=True)


def _top() -> Path:
    ended = git(["rev-parse", "--show-toplevel"], Path.cwd())
    if not ended.returncode:
        return Path(ended.stdout.rstrip("\n"))
    what = f"--a and --b are refs of the git repository in the working folder {Path.cwd()}"
    if "not a git repository" in ended.stderr:
        raise UsageError(f"{what}, which is in no repository (git: {why(ended)}); go to a clone of one")
    raise EnvironmentRefusedError(f"{what}, where git refuses: {why(ended)}")


def _commit(option: str, ref: str, top: Path) -> str:
    ended = git(["rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}"], top)
    if ended.returncode:
        raise UsageError(f"{option} {ref}: no such commit in {top} (git: {why(ended)}){_shallow(top)}")
    return ended.stdout.strip()


def _has_pipebench(commit: str, top: Path) -> bool:
    found = must(["ls-tree", "--full-tree", "--name-only", commit, PACKAGE], top)
    return bool(found.strip())


def _shallow(top: Path) -> str:
    """What to do where a clone does not have all commits."""
    if git(["rev-parse", "--is-shallow-repository"], top).stdout.strip() != "true":
        return ""
    return (
        "; this clone is shallow: git fetch --unshallow gets the rest (in CI: fetch-depth: 0, GIT_DEPTH: 0)"
    )
