"""Files that a command names and git tracks: with refs they must be each checkout's own, or both sides run one code."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pipebench.ab.git import git
from pipebench.ab.worktrees import Worktree, working_trees
from pipebench.errors import UsageError
from pipebench.provenance.left_out import why_left_out

_BETWEEN = re.compile(r"[\s=:;,&|<>(){}`'\"]+")  # the paths of a shell's script, or of --config=PATH
_SEARCHED = re.compile(r"\b\w*PATH=([^\s;&|'\"]*)")  # a list of folders, as in PYTHONPATH=src:lib


def check_own(command: Sequence[str], variables: Mapping[str, str], tree: Worktree) -> None:
    """Refuse an absolute path to what git tracks: it would be the same on both sides, whatever their refs.

    Files count wherever they are named, folders where they are searched for code (``PYTHONPATH=``).

    Raises:
        UsageError: There is such a path.
    """
    tops = [Path(os.path.realpath(top)) for top in working_trees(tree.top) | {tree.top}]
    for word in [*command, *(f"{name}={value}" for name, value in variables.items())]:
        for path, is_searched in _paths(word):
            if (is_searched or _is_file(path)) and any(_is_tracked(path, top) for top in tops):
                raise UsageError(
                    f"{path}: git tracks it, so with --a and --b it would be the same on both sides; give it relative "
                    f"to the folder that you are in: {_from_here(path)}"
                )


def hint(program: str, tree: Worktree) -> str:
    """Why a checkout lacks a program that the working tree has; empty if the working tree lacks it too."""
    path = Path(os.path.normpath(tree.top / tree.below / program))
    why = why_left_out(path, tree.top) if path.is_relative_to(tree.top) else ""
    if not why:
        return ""
    reached = "" if _is_tracked(path, tree.top) else f"; an absolute path reaches it: {path}"
    return f"; {why}{reached}"


def _paths(word: str) -> Iterator[tuple[Path, bool]]:
    """The absolute paths in a word, and whether code is searched for below."""
    for text in dict.fromkeys([word, *_BETWEEN.split(word)]):
        if text.startswith(os.sep):
            yield Path(text), False
    for found in _SEARCHED.finditer(word):
        for text in found[1].split(os.pathsep):
            if text.startswith(os.sep):
                yield Path(text), True


def _is_file(path: Path) -> bool:
    with suppress(OSError):  # a whole script may look like a path, and is too long for one
        return path.is_file()
    return False


def _is_tracked(path: Path, top: Path) -> bool:
    """Whether git tracks it, or a file below, by its own name or by the name that links lead to."""
    names = {Path(os.path.realpath(path.parent)) / path.name, Path(os.path.realpath(path))}
    below = [str(name.relative_to(top)) for name in names if name.is_relative_to(top)]
    return bool(below) and bool(git(["--literal-pathspecs", "ls-files", "-z", "--", *below], top).stdout)


def _from_here(path: Path) -> str:
    text = os.path.relpath(os.path.realpath(path), os.path.realpath(Path.cwd()))
    return text if os.sep in text else f"./{text}"
