"""Git refs as folders: a worktree for each, gone at the end whatever ends us.

pipebench is pure Python, so a worktree is all that a version needs besides the packages that are installed: nothing is
built and nothing is downloaded. A version that needs other packages is a case for ``--a-python`` and ``--b-python``.
"""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pipebench import signals
from pipebench.ab.place import WORKTREE, abandoned
from pipebench.errors import EnvironmentRefusedError, UsageError

PACKAGE = "pipebench/__main__.py"
_TRACE = re.compile(r"\d\d:\d\d:\d\d\.\d+ ")  # a line that GIT_TRACE asks for
_MOST = 600  # characters of git's words

# What git sets for a hook, or a user for another repository. All else of GIT_* is the user's configuration (git is told
# by GIT_CONFIG_* and not by a file which folders to trust, how to sign in, where to stop looking), and counts.
_ELSEWHERE = frozenset(
    {
        *(
            "GIT_DIR",
            "GIT_WORK_TREE",
            "GIT_IMPLICIT_WORK_TREE",
            "GIT_COMMON_DIR",
            "GIT_NAMESPACE",
            "GIT_PREFIX",
        ),
        *(
            "GIT_INDEX_FILE",
            "GIT_OBJECT_DIRECTORY",
            "GIT_ALTERNATE_OBJECT_DIRECTORIES",
            "GIT_QUARANTINE_PATH",
        ),
        *("GIT_SHALLOW_FILE", "GIT_GRAFT_FILE", "GIT_REPLACE_REF_BASE", "GIT_NO_REPLACE_OBJECTS"),
        *("GIT_CONFIG", "GIT_INTERNAL_SUPER_PREFIX"),
    }
)


class Worktree(NamedTuple):
    """A ref's folder and its commit; ``has_pipebench``: it is a version of pipebench.

    ``below`` is where in the repository the working folder lies.
    """

    ref: str
    commit: str
    folder: Path
    has_pipebench: bool
    below: str = ""

    @property
    def working_folder(self) -> Path:
        """The folder in it that the working folder is in the repository."""
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
    below = _must(["rev-parse", "--show-prefix"], Path.cwd()).removesuffix("\n")
    found = []
    for number, (option, ref) in enumerate(refs):
        commit = _commit(option, ref, top)
        folder = place / f"{WORKTREE}{number}"
        found.append(Worktree(ref, commit, folder, _has_pipebench(commit, top), below))
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
    if not ended.returncode:
        return Path(ended.stdout.rstrip("\n"))
    what = f"--a and --b are refs of the git repository in the working folder {Path.cwd()}"
    if "not a git repository" in ended.stderr:
        raise UsageError(f"{what}, which is in none (git: {_why(ended)}); go to a clone of the repository")
    raise EnvironmentRefusedError(f"{what}, where git refuses: {_why(ended)}")


def _commit(option: str, ref: str, top: Path) -> str:
    ended = _git(["rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}"], top)
    if ended.returncode:
        raise UsageError(f"{option} {ref}: no such commit in {top} (git: {_why(ended)}){_shallow(top)}")
    return ended.stdout.strip()


def _has_pipebench(commit: str, top: Path) -> bool:
    found = _must(["ls-tree", "--full-tree", "--name-only", commit, PACKAGE], top)
    return bool(found.strip())


def _shallow(top: Path) -> str:
    """What to do where a clone does not have all commits."""
    if _git(["rev-parse", "--is-shallow-repository"], top).stdout.strip() != "true":
        return ""
    return (
        "; this clone is shallow: git fetch --unshallow gets the rest (in CI: fetch-depth: 0, GIT_DEPTH: 0)"
    )


def _must(arguments: Sequence[str], top: Path) -> str:
    """What git prints.

    Raises:
        EnvironmentRefusedError: It fails; with its own word for why.
    """
    ended = _git(arguments, top)
    if ended.returncode:
        command = " ".join(arguments[: 2 if arguments[0] == "worktree" else 1])
        raise EnvironmentRefusedError(f"git {command} in {top}: {_why(ended)}")
    return ended.stdout


def _why(ended: "subprocess.CompletedProcess[str]") -> str:
    """Git's own word for why it failed, from its error on: what to do often stands behind it."""
    if ended.returncode < 0:
        return f"killed by {signal.Signals(-ended.returncode).name}"
    lines = [line.strip() for line in ended.stderr.splitlines() if line.strip() and not _TRACE.match(line)]
    first = next((n for n, line in enumerate(lines) if line.startswith(("fatal:", "error:"))), 0)
    text = " ".join(lines[first:])
    return (text if len(text) <= _MOST else f"{text[:_MOST]}...") or f"exit {ended.returncode}"


def _git(arguments: Sequence[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run git to its end: signals wait, no hook runs, and nothing leads it to another repository than the folder's.

    Its words are English, as ours beside them; nobody is asked for a password.
    """
    git = shutil.which("git")
    if git is None:
        raise EnvironmentRefusedError("--a and --b need git: install it")
    environment = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
    environment |= {"LC_ALL": "C", "LANGUAGE": "C"}
    environment.setdefault("GIT_TERMINAL_PROMPT", "0")
    try:
        with signals.held():
            return subprocess.run(
                [git, "-c", f"core.hooksPath={os.devnull}", *arguments],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="surrogateescape",  # a folder's name is no text
                check=False,
            )
    except OSError as error:
        raise EnvironmentRefusedError(
            f"--a and --b need git, and {git} cannot be started ({error.strerror})"
        ) from None
