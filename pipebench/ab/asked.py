"""From what was asked for on a command line to the two sides. They differ in options, refs, interpreters, variables."""

import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from pipebench.ab.sides import Side, check_options
from pipebench.ab.worktrees import PACKAGE, Worktree, worktrees
from pipebench.comparison import fields
from pipebench.errors import UsageError


class Asked(NamedTuple):
    """A side as it was asked for: options of ``run``, a git ref, an interpreter, NAME=VALUE; ``None`` is not given."""

    run: str | None = None
    ref: str | None = None
    python: str | None = None
    variables: Sequence[str] = ()


Both = tuple[Asked, Asked]
_AS_IT_IS = "as it is"


_WAYS = "--a-run and --b-run, --a and --b, --a-python and --b-python, or --a-env and --b-env"


def check_asked(asked: Both, command: str = "ab", ways: str = _WAYS) -> None:
    """Whether they are two sides at all; ``ways`` in which the command can tell them apart.

    Raises:
        UsageError: Nothing was given, or one ref without the other.
    """
    if all(side == Asked(variables=side.variables) and not side.variables for side in asked):
        raise UsageError(f"{command}: expected what the sides are: {ways}")
    if (asked[0].ref is None) != (asked[1].ref is None):
        raise UsageError("--a and --b: expected two refs, found one")


def varied(asked: Both) -> frozenset[str]:
    """The fields that may differ since the sides were asked to: the plan, where a side has options of its own.

    A difference in model, batch or dtype is no speed of one work, and must be allowed by name.
    """
    options = [_split(each.run, "--a-run or --b-run") for each in asked]
    return fields.PLAN if options[0] != options[1] else frozenset()


@contextmanager
def sides(asked: Both, common: Sequence[str], place: Path) -> Iterator[tuple[Side, Side]]:
    """A and B; worktrees lie below ``place`` as long as they are needed.

    Raises:
        UsageError: An option, a ref, an interpreter or a variable is none.
        EnvironmentRefusedError: Git refuses.
    """
    one, other = asked
    check_options(common)
    refs = refs_of(asked)
    made = [_side("A", one, common), _side("B", other, common)]
    if not refs:
        yield made[0], made[1]
        return
    with worktrees(refs, place) as found:
        for (option, _), tree in zip(refs, found, strict=True):
            _check_version(option, tree)
        yield _at(made[0], found[0]), _at(made[1], found[1])


def refs_of(asked: Both) -> list[tuple[str, str]]:
    """The refs that were given, each with its option."""
    return [
        (option, each.ref) for option, each in zip(("--a", "--b"), asked, strict=True) if each.ref is not None
    ]


def _check_version(option: str, tree: Worktree) -> None:
    if not tree.has_pipebench:
        raise UsageError(
            f"{option} {tree.ref}: no version of pipebench, there is no {PACKAGE} in it; to compare what "
            "is not pipebench itself, use --a-python and --b-python, or --a-run and --b-run"
        )


def _side(label: str, asked: Asked, common: Sequence[str]) -> Side:
    option = f"--{label.lower()}"
    own = _split(asked.run, f"{option}-run")
    check_options(own)
    told = [shlex.join(own), asked.python or "", *asked.variables]
    return Side(
        label=label,
        text=", ".join(filter(None, told)) or _AS_IT_IS,
        python=_interpreter(f"{option}-python", asked.python),
        options=(*common, *own),
        variables=variables_of(f"{option}-env", asked.variables),
    )


def told_ref(found: Worktree) -> str:
    """A ref as it was given, with its commit if it is another word for it."""
    return found.ref if found.commit.startswith(found.ref) else f"{found.ref} = {found.commit[:12]}"


def _at(side: Side, found: Worktree) -> Side:
    ref = told_ref(found)
    return replace(
        side,
        text=ref if side.text == _AS_IT_IS else f"{ref}, {side.text}",
        worktree=found.folder,
        facts={"commit": found.commit},
    )


def _split(text: str | None, option: str) -> list[str]:
    try:
        return shlex.split(text or "")
    except ValueError as error:
        raise UsageError(f"{option} {text!r}: expected options as in a shell ({error})") from None


def _interpreter(option: str, given: str | None) -> str:
    """Its absolute path, links kept: a virtual environment's interpreter is one."""
    if given is None:
        return sys.executable
    found = shutil.which(given)
    if found is None:
        there = Path(given).exists()
        why = "expected an interpreter, found what cannot be executed" if there else "no such interpreter"
        raise UsageError(f"{option} {given}: {why}")
    return str(Path(found).absolute())


def variables_of(option: str, given: Sequence[str]) -> Mapping[str, str]:
    """The variables that were given as NAME=VALUE.

    Raises:
        UsageError: One is none.
    """
    pairs = [text.partition("=") for text in given]
    for text, (name, equals, _) in zip(given, pairs, strict=True):
        if not name or not equals or "\0" in text:
            raise UsageError(f"{option} {text!r}: expected NAME=VALUE")
    return {name: value for name, _, value in pairs}
