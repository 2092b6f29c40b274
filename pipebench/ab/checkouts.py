"""Two refs of the user's own repository: each side's model is its checkout's, under a pipebench that is installed.

A side's process runs in the checkout, in the folder that the user stands in, so that relative paths lead there. It is
told where it must not import from (``origins``). If two refs would run the same code, that is refused or, where it may
be meant, told.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pipebench.ab.options import own_model, values
from pipebench.ab.sides import AS_IT_IS, Side
from pipebench.ab.telling import Tell, tell_one_commit, tell_uncommitted
from pipebench.ab.worktrees import PACKAGE, Worktree, working_trees
from pipebench.errors import UsageError
from pipebench.models.references import is_file, parted
from pipebench.provenance import left_out
from pipebench.provenance.origins import Origins

Both = tuple[Side, Side]


def in_checkouts(sides: Both, trees: Sequence[Worktree], tell: Tell) -> Both:
    """Both sides, each with what its ref has: a version of pipebench, or a model of the user's own.

    Args:
        sides: the sides as they were asked for.
        trees: their checkouts, in this order.
        tell: takes what the user should know.

    Raises:
        UsageError: A ref has neither, or not the model's file.
    """
    if sides[0].options == sides[1].options:
        tell_one_commit(trees, tell)
    own = [own_model(side.options) for side in sides]
    if all(tree.has_pipebench for tree in trees) and not any(own):
        return _of_pipebench(sides[0], trees[0]), _of_pipebench(sides[1], trees[1])
    made = [_with_its_own(side, tree, sides) for side, tree in zip(sides, trees, strict=True)]
    models = {str(trees[0].below / parted(own_model(side.options) or "")[0]) for side in sides}
    tell_uncommitted(trees, tell, models)
    return made[0], made[1]


def _of_pipebench(side: Side, tree: Worktree) -> Side:
    return replace(_at(side, tree), worktree=tree.folder)


def _at(side: Side, tree: Worktree) -> Side:
    text = tree.text if side.text == AS_IT_IS else f"{tree.text}, {side.text}"
    return replace(side, text=text, facts={"commit": tree.commit})


def _with_its_own(side: Side, tree: Worktree, sides: Both) -> Side:
    model = own_model(side.options)
    if model is None and tree.has_pipebench:
        return _of_pipebench(side, tree)
    if model is None and any(own_model(each.options) for each in sides):
        return _at(side, tree)  # a built-in model, beside a model of the other ref
    if model is None:
        _check_named(values(side.options, "--model"))
        raise UsageError(
            f"{tree.option} {tree.ref}: no version of pipebench, there is no {PACKAGE} in it; to compare layers of "
            "your own in this repository, name them: -- --model FILE.py:NAME; to compare sides without refs, use "
            "--a-python and --b-python, or --a-run and --b-run"
        )
    _check_model(model, tree)
    if not tree.working_folder.is_dir():
        raise UsageError(
            f"side {_label(tree)} ({tree.option} {tree.ref}): there is no folder {tree.below} in {tree.commit[:12]}, "
            "and that is where you are: go to a folder that both refs have"
        )
    own = tree.folder.resolve()
    return replace(
        _at(side, tree),
        worktree=tree.folder if tree.has_pipebench else None,
        folder=own / tree.below,
        origins=Origins(
            own=str(own),
            top=os.path.realpath(tree.top),
            foreign=tuple(sorted(map(os.path.realpath, working_trees(tree.top) - {own, tree.folder}))),
            shared=_one_interpreter(*sides),
        ),
    )


def _check_named(models: Sequence[str]) -> None:
    for model in models[-1:]:
        if is_file(model):
            raise UsageError(
                f"--model {model}: expected FILE.py:NAME, the name of the model in the file after a colon"
            )


def _one_interpreter(one: Side, other: Side) -> bool:
    """Whether both have the same packages; folders count, since a virtual environment's interpreter is a link."""
    places = [(Path(side.python).parent, os.path.realpath(side.python)) for side in (one, other)]
    return places[0] == places[1]


def _check_model(model: str, tree: Worktree) -> None:
    """Check that the model can be the checkout's, as far as that can be seen from here.

    Raises:
        UsageError: Its file is that of the working tree, or not in the ref.
    """
    place, _ = parted(model)
    below = _below(model, Path(place), tree) if is_file(place) else tree.below
    if below is None:
        return
    there, said = tree.folder / below, f"{tree.option} {tree.ref}"
    if not (there.is_file() if is_file(place) else there.is_dir()):
        why = left_out.why_left_out(tree.top / below, tree.top)
        raise UsageError(
            f"side {_label(tree)} ({said}): there is no {below} in {tree.commit[:12]}{f'; {why}' if why else ''}; "
            "take a ref that has it, or name each side's model with --a-model and --b-model"
        )
    if there.is_file() and left_out.is_pointer(there):
        raise UsageError(
            f"side {_label(tree)} ({said}): {below} is a pointer of Git LFS in a checkout: install git-lfs "
            "(git lfs install), which puts the file there"
        )


def _label(tree: Worktree) -> str:
    return tree.option.strip("-").upper()


def _below(model: str, path: Path, tree: Worktree) -> Path | None:
    """The model's file below the top; ``None`` for one elsewhere, which may load what is in the checkout.

    Raises:
        UsageError: It is one and the same file on both sides.
    """
    top, given = os.path.realpath(tree.top), f"--model {model}"
    if path.is_absolute():
        real = Path(os.path.realpath(path))
        if any(real.is_relative_to(os.path.realpath(each)) for each in working_trees(tree.top)):
            raise UsageError(
                f"{given}: with --a and --b this would be the same file on both sides; give it relative to the folder "
                f"that you are in: {os.path.relpath(real)}"
            )
        return None
    whole = Path(os.path.normpath(Path(os.path.realpath(Path.cwd())) / path))
    if not whole.is_relative_to(top):
        raise UsageError(
            f"{given}: expected a file in the repository {top}, of which --a and --b are refs, found one outside it"
        )
    return whole.relative_to(top)
