"""From what was asked for on a command line to the metric and the two sides. They differ in refs and in variables."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pipebench.ab.asked import Asked, Both, refs_of, variables_of
from pipebench.ab.telling import Tell, silent, tell_one_commit, tell_uncommitted
from pipebench.ab.worktrees import Worktree, worktrees
from pipebench.errors import UsageError
from pipebench.guard import tracked
from pipebench.guard.commands import OURS, Side

WAYS = "--a and --b, or --a-env and --b-env"


@contextmanager
def sides(
    asked: Both, command: Sequence[str], place: Path, tell: Tell = silent
) -> Iterator[tuple[Side, Side]]:
    """A and B; worktrees lie below ``place`` as long as they are needed.

    ``tell`` takes what the user should know of the refs.

    Raises:
        UsageError: A ref or a variable is not valid, there is no such command, or both refs would run the same file.
        EnvironmentRefusedError: Git refuses.
    """
    made = [_side(label, each, command) for label, each in zip("AB", asked, strict=True)]
    refs = refs_of(asked)
    if not refs:
        yield _checked(made[0]), _checked(made[1])
        return
    with worktrees(refs, place) as found:
        if made[0].variables == made[1].variables:
            tell_one_commit(found, tell)
        tell_uncommitted(found, tell)
        for side, tree in zip(made, found, strict=True):
            tracked.check_own(command, side.variables, tree)
        one, other = (_checked(_at(side, tree), tree) for side, tree in zip(made, found, strict=True))
        yield one, other


def _side(label: str, asked: Asked, command: Sequence[str]) -> Side:
    option = f"--{label.lower()}-env"
    variables = variables_of(option, asked.variables)
    for name in variables.keys() & set(OURS):
        raise UsageError(f"{option} {name}={variables[name][:40]}: guard itself sets {name}: leave it out")
    text = f"with {', '.join(variables)}" if variables else "as it is"
    return Side(label, text, tuple(command), Path.cwd(), variables)


def _at(side: Side, found: Worktree) -> Side:
    if not found.working_folder.is_dir():
        raise UsageError(
            f"{found.option} {found.ref}: expected the folder {found.below} in it, since that is where you are: "
            "found none"
        )
    text = found.text + (f", {side.text}" if side.variables else "")
    return replace(side, text=text, folder=found.working_folder, facts={"commit": found.commit})


def _checked(side: Side, tree: Worktree | None = None) -> Side:
    """Refuse a command that is not there, before anything is started."""
    program = side.command[0]
    place = side.folder / program if os.sep in program else None
    if place is None and shutil.which(program, path=side.environment.get("PATH")) is None:
        raise UsageError(f"{side.name}: {program}: no such command in PATH")
    if place is not None and not (place.is_file() and os.access(place, os.X_OK)):
        why = "cannot be executed: make it executable (chmod +x)" if place.is_file() else "no such file"
        left_out = tracked.hint(program, tree) if tree is not None and not place.exists() else ""
        raise UsageError(f"{side.name}: {program}: {why} in {side.folder}{left_out}")
    return side
