"""Git refs as folders: a worktree for each, gone at the end whatever ends us.

pipebench is pure Python, so a worktree is all that a version needs besides the packages that are installed: nothing is
built and nothing is downloaded. A version that needs other packages is a case for ``--a-python`` and ``--b-python``.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pipebench import signals
from pipebench.ab.place import WORKTREE, abandoned
from pipebench.errors import EnvironmentRefusedError, UsageError

_PACKAGE = "pipebench/__main__.py"


class Worktree(NamedTuple):
    """A ref's folder and its commit."""

    ref: str
    commit: str
    folder: Path


@contextmanager
def worktrees(refs: Sequence[tuple[str, str]], place: Path) -> Iterator[list[Worktree]]:
    """Each (option, ref) of the repository in the working folder, checked out below ``place``.

    What a killed ``ab`` left of this repository is cleared away; other worktrees stay, wherever they are.

    Raises:
        UsageError: No repository here, no such ref, or no version of pipebench.
        EnvironmentRefusedError: There is no git, or it cannot make a worktree.
    """
    top = _top()
    found = [
        Worktree(ref, _commit(option, ref, top), place / f"{WORKTREE}{number}")
        for number, (option, ref) in enumerate(refs)
    ]
    _clear(top)
    try:
        for each in found:
            _must(["worktree", "add", "--quiet", "--detach", "--force", str(each.folder), each.commit], top)
        yield found
    finally:
        with signals.held():  # between the calls too
            for each in found:
                _remove(each.folder, top)


def _clear(top: Path) -> None:
    listed = _git(["worktree", "list", "--porcelain", "-z"], top).stdout.split("\0")
    linked = {Path(line.removeprefix("worktree ")) for line in listed if line.startswith("worktree ")}
    for folder in abandoned():
        mine = [path for path in folder.resolve().glob(f"{WORKTREE}*") if path in linked]
        with signals.held():
            for path in mine:
                _remove(path, top)
            if mine:
                shutil.rmtree(folder, ignore_errors=True)


def _remove(folder: Path, top: Path) -> None:
    _git(["worktree", "remove", "--force", "--force", str(folder)], top)
    shutil.rmtree(folder, ignore_errors=True)


def _top() -> Path:
    ended = _git(["rev-parse", "--show-toplevel"], Path.cwd())
    if ended.returncode:
        raise UsageError(f"--a and --b are refs of a git repository: {Path.cwd()} is in none")
    return Path(ended.stdout.rstrip("\n"))


def _commit(option: str, ref: str, top: Path) -> str:
    ended = _git(["rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"], top)
    if ended.returncode:
        raise UsageError(f"{option} {ref}: no such commit in {top}")
    commit = ended.stdout.strip()
    if _git(["cat-file", "-e", f"{commit}:{_PACKAGE}"], top).returncode:
        raise UsageError(
            f"{option} {ref}: no version of pipebench, there is no {_PACKAGE} in it; to compare what "
            "is not pipebench itself, use --a-python and --b-python, or --a-run and --b-run"
        )
    return commit


def _must(arguments: Sequence[str], top: Path) -> None:
    ended = _git(arguments, top)
    if ended.returncode:
        why = " ".join(ended.stderr.split()) or f"exit {ended.returncode}"
        raise EnvironmentRefusedError(f"git {' '.join(arguments[:2])}: {why}")


def _git(arguments: Sequence[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run git to its end: signals wait, no hook runs, and what a hook may have set for its own git is gone."""
    git = shutil.which("git")
    if git is None:
        raise EnvironmentRefusedError("--a and --b need git: install it")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    with signals.held():
        return subprocess.run(
            [git, "-c", f"core.hooksPath={os.devnull}", *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
