"""What a user should know of two refs before they are measured: that they are one, that an edit is in neither."""

import os
from collections.abc import Callable, Collection, Sequence

from pipebench.ab.git import git, must
from pipebench.ab.worktrees import Worktree

Tell = Callable[[str], None]


def silent(text: str) -> None:
    """Tell nothing."""


def tell_one_commit(trees: Sequence[Worktree], tell: Tell) -> None:
    """Tell that both refs are one commit; for sides that differ in nothing but their refs."""
    one, other = trees
    if one.commit == other.commit:
        tell(
            f"{one.option} {one.ref} and {other.option} {other.ref} are one commit: both sides run the same code"
        )


def tell_uncommitted(trees: Sequence[Worktree], tell: Tell, first: Collection[str] = ()) -> None:
    """Tell what was changed since HEAD and is in no ref, if HEAD is a ref; files in ``first`` are named first."""
    top = trees[0].top
    head = git(["rev-parse", "--verify", "HEAD"], top).stdout.strip()
    if head not in [tree.commit for tree in trees]:
        return
    changed = must(["diff", "--name-only", "-z", "HEAD"], top).split("\0")[:-1]
    changed.sort(key=lambda name: (os.path.normpath(name) not in map(os.path.normpath, first), name))
    if changed:
        more = f" and {len(changed) - 1} more" if changed[1:] else ""
        tell(
            f"not committed: {changed[0]}{more}; the sides run what is committed, without these changes to HEAD"
        )
