"""A warning of words without an id of their own, which are all the same word to the model. Pure."""

from typing import NamedTuple

from pipebench.models.outline import Doubt
from pipebench.models.text.asked import TokenRule
from pipebench.warning_codes import WarningCode

FEW, MANY = 1 / 4, 1 / 3
_LARGE_VOCABULARY = 20  # times the one that was asked for: the projection would be most of the model


class Ids(NamedTuple):
    """How many ids there are, by which option, and for ``whose`` words (empty if the model has one vocabulary)."""

    number: int
    option: str = "--vocab"
    whose: str = ""


def unknown_words(
    rule: TokenRule, ids: Ids, share: float, enough_vocab: int | None, letters_unknown: float
) -> Doubt | None:
    """A warning if too much of the text is unknown: the model then gets hardly any of the text.

    Args:
        rule: what a word is.
        ids: that the run has.
        share: of the counted words, the share that has no id.
        enough_vocab: the number of ids that would leave a quarter of the words unknown; ``None`` if none would.
        letters_unknown: the share that ``--tokens characters`` would leave.
    """
    if share <= MANY:
        return None
    units = {"words": "words", "characters": "characters", "spaces": "tokens"}[rule]
    letters_help = rule != "characters" and letters_unknown <= share / 2
    return Doubt(
        code=WarningCode.UNKNOWN_WORDS,
        cause=f"{100 * share:.0f} % of the {f'{ids.whose} {units}'.strip()} have no id among {ids.number}: "
        "to the model they are all one word",
        next_step=_fewer(rule, ids, units, enough_vocab, letters_help=letters_help),
    )


def rounded(size: int) -> int:
    """A size to suggest: rounded up to two digits and zeros."""
    unit = int("1" + "0" * (len(str(size)) - 2))
    return -(-size // unit) * unit


def _fewer(rule: TokenRule, ids: Ids, units: str, enough_vocab: int | None, *, letters_help: bool) -> str:
    """What the user can do to leave fewer words unknown."""
    if enough_vocab is None:
        if rule == "characters":
            return "use another text"
        return "the text marks them as unknown itself: use a text whose rare words were not replaced"
    larger = f"{ids.option} {enough_vocab} leaves a quarter of them"
    if letters_help and enough_vocab > _LARGE_VOCABULARY * ids.number:
        return f"use --tokens characters: this text has so many {units} that only {larger}"
    return f"use a larger {ids.option}: {larger}"
