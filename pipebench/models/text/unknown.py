"""Words that are all one to the model because none of them has an id. Pure."""

from pipebench.models.outline import Doubt
from pipebench.models.text.asked import TextAsked

MANY = 1 / 3
_LARGE_VOCABULARY = 20  # times the one that was asked for: the projection would be most of the model


def unknown_words(
    config: TextAsked, share: float, enough_vocab: int | None, letters_unknown: float
) -> Doubt | None:
    """A warning if too much of the text is unknown: what the model is given is hardly the text any more.

    Args:
        config: of the run.
        share: of the words that are counted, those without an id.
        enough_vocab: with which a quarter of them would be left, ``None`` if none is.
        letters_unknown: the share that ``--tokens characters`` would leave.
    """
    if share <= MANY:
        return None
    units = {"words": "words", "characters": "characters", "spaces": "tokens"}[config.tokens]
    letters_help = config.tokens != "characters" and letters_unknown <= share / 2
    return Doubt(
        code="unknown-words",
        cause=f"{100 * share:.0f} % of the {units} have no id among {config.vocab}: all of them are one word",
        next_step=_fewer(config, units, enough_vocab, letters_help=letters_help),
    )


def _fewer(config: TextAsked, units: str, enough_vocab: int | None, *, letters_help: bool) -> str:
    """What would leave fewer of them."""
    if enough_vocab is None:
        if config.tokens == "characters":
            return "use another text"
        return "the text says itself that they are unknown: use one whose rare words were not replaced"
    larger = f"--vocab {enough_vocab} leaves a quarter of them"
    if letters_help and enough_vocab > _LARGE_VOCABULARY * config.vocab:
        return f"use --tokens characters: this text has so many {units} that only {larger}"
    return f"use a larger --vocab: {larger}"
