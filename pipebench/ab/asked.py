"""From what was asked for on a command line to the two sides.

They differ in options, refs, models, interpreters or variables.
"""

import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pipebench.ab.checkouts import in_checkouts
from pipebench.ab.options import values
from pipebench.ab.sides import AS_IT_IS, Side, check_options
from pipebench.ab.telling import Tell, silent
from pipebench.ab.worktrees import worktrees
from pipebench.comparison import run_fields
from pipebench.errors import UsageError


class Asked(NamedTuple):
    """A side as it was asked for: options of ``run``, a git ref, an interpreter, NAME=VALUE, a model.

    ``None`` means that it was not given.
    """

    run: str | None = None
    ref: str | None = None
    python: str | None = None
    variables: Sequence[str] = ()
    model: str | None = None


Both = tuple[Asked, Asked]
_WAYS = "--a-run and --b-run, --a and --b, --a-model and --b-model, --a-python and --b-python, or --a-env and --b-env"


def check_asked(asked: Both, command: str = "ab", ways: str = _WAYS) -> None:
    """Check that two sides were asked for; ``ways`` names the options that tell them apart.

    Raises:
        UsageError: Nothing was given, or one ref or model without the other.
    """
    if all(side == Asked(variables=side.variables) and not side.variables for side in asked):
        raise UsageError(f"{command}: expected what the sides are: {ways}")
    if (asked[0].ref is None) != (asked[1].ref is None):
        raise UsageError("--a and --b: expected two refs, found one")
    if (asked[0].model is None) != (asked[1].model is None):
        raise UsageError("--a-model and --b-model: expected two models, found one")


def varied(asked: Both) -> frozenset[str]:
    """The fields that may differ because the sides were asked to.

    These are the plan, where a side has options of its own, and the model, where each side has its own. With any other
    difference in model, batch or dtype the sides do not do the same work, so it must be allowed by name.
    """
    options = [_split(each.run, "--a-run or --b-run") for each in asked]
    plan = run_fields.PLAN if options[0] != options[1] else frozenset()
    return plan | run_fields.MODEL if asked[0].model is not None else plan


@contextmanager
def sides(
    asked: Both, common: Sequence[str], place: Path, tell: Tell = silent
) -> Iterator[tuple[Side, Side]]:
    """A and B; worktrees lie below ``place`` as long as they are needed.

    ``tell`` takes what the user should know of the refs.

    Raises:
        UsageError: An option, a ref, an interpreter, a model or a variable is not valid.
        EnvironmentRefusedError: Git refuses.
    """
    one, other = asked
    check_options(common)
    refs = refs_of(asked)
    made = _side("A", one, common), _side("B", other, common)
    if not refs:
        yield made
        return
    with worktrees(refs, place) as found:
        yield in_checkouts(made, found, tell)


def refs_of(asked: Both) -> list[tuple[str, str]]:
    """The refs that were given, each with its option."""
    return [
        (option, each.ref) for option, each in zip(("--a", "--b"), asked, strict=True) if each.ref is not None
    ]


def _side(label: str, asked: Asked, common: Sequence[str]) -> Side:
    option = f"--{label.lower()}"
    own = _split(asked.run, f"{option}-run")
    check_options(own)
    if asked.model is not None:
        _check_one_model(option, (*common, *own))
        own = ["--model", asked.model, *own]
    told = [shlex.join(own), asked.python or "", *asked.variables]
    return Side(
        label=label,
        text=", ".join(filter(None, told)) or AS_IT_IS,
        python=_interpreter(f"{option}-python", asked.python),
        options=(*common, *own),
        variables=variables_of(f"{option}-env", asked.variables),
    )


def _check_one_model(option: str, options: Sequence[str]) -> None:
    if values(options, "--model"):
        raise UsageError(
            f"{option}-model: --model is given among the options of run as well: leave one of them out"
        )


def _split(text: str | None, option: str) -> list[str]:
    try:
        return shlex.split(text or "")
    except ValueError as error:
        raise UsageError(f"{option} {text!r}: expected options as in a shell ({error})") from None


def _interpreter(option: str, given: str | None) -> str:
    """The absolute path of an interpreter. Links are kept: a virtual environment's interpreter is one."""
    if given is None:
        return sys.executable
    found = shutil.which(given)
    if found is None:
        there = Path(given).exists()
        why = "expected an interpreter, found no executable file" if there else "no such interpreter"
        raise UsageError(f"{option} {given}: {why}")
    return str(Path(found).absolute())


def variables_of(option: str, given: Sequence[str]) -> Mapping[str, str]:
    """The variables that were given as NAME=VALUE.

    Raises:
        UsageError: One is not of this form.
    """
    pairs = [text.partition("=") for text in given]
    for text, (name, equals, _) in zip(given, pairs, strict=True):
        if not name or not equals or "\0" in text:
            raise UsageError(f"{option} {text!r}: expected NAME=VALUE")
    return {name: value for name, _, value in pairs}
