"""Read how many times as long as usual each stage, or each chunk, takes, such as ``1,1,1.5,2:3``. Pure.

There is an entry for each stage or chunk: one factor for forward and backward, or ``F:B`` for a factor of each.
"""

import re

from pipebench.errors import UsageError
from pipebench.plan.graph import MOST_STAGES
from pipebench.timing.costs import StageFactor

MOST = 1e9
_SHOWN = 80
_FORM = re.compile(
    r"\s*(NUMBER)(?::(NUMBER))?\s*".replace("NUMBER", r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"), re.ASCII
)


def stage_factors(text: str, option: str, of: str = "stage") -> tuple[StageFactor, ...]:
    """Read the list.

    Args:
        text: the list, such as ``1,1,1.5,2:3``.
        option: the option that it was given with, for the error.
        of: what each entry stands for: ``stage`` or ``chunk``.

    Raises:
        UsageError: An entry is no factor, or there are more than there can be stages.
    """
    entries = text.split(",")
    if len(entries) > MOST_STAGES:
        raise UsageError(f"{option}: expected at most {MOST_STAGES:,} {of}s, got {len(entries)}")
    return tuple(_factor(entry, text, option, of) for entry in entries)


def _factor(entry: str, text: str, option: str, of: str) -> StageFactor:
    found = _FORM.fullmatch(entry)
    factors = [] if found is None else [float(number) for number in found.groups(found[1])]
    if not factors or max(factors) > MOST:
        raise UsageError(
            f"{option} {text[:_SHOWN]!r}: expected a factor from 0 to {MOST:g} for each {of}, or one of its forward "
            f"and one of its backward, such as 1,1,1.5,2:3, got {entry[:_SHOWN]!r}"
        )
    return StageFactor(*factors)


def factor_text(factor: StageFactor) -> str:
    """An entry of the list, such as ``1.5`` or ``2:3``."""
    forward, backward = (f"{number:g}" for number in factor)
    return forward if forward == backward else f"{forward}:{backward}"
