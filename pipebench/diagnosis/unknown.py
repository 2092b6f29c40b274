"""Words that are all one to the model because none of them has an id. Pure."""

from pipebench.config import RunConfig
from pipebench.records.schema import WarningRecord

MANY = 1 / 3
_LARGE_VOCABULARY = 20  # times the one that was asked for: the projection would be most of the model


def unknown_words(config: RunConfig, share: float, enough_vocab: int | None) -> WarningRecord | None:
    """A warning if too much of the text is unknown: what the model is given is hardly the text any more.

    Args:
        config: of the run.
        share: of the words that are counted, those without an id.
        enough_vocab: with which a quarter of them would be left, ``None`` if none is.
    """
    if share <= MANY:
        return None
    units = {"words": "words", "characters": "characters", "spaces": "tokens"}[config.tokens]
    return WarningRecord(
        code="unknown-words",
        cause=f"{100 * share:.0f} % of the {units} have no id among {config.vocab}: all of them are one word",
        next_step=_fewer(config, units, enough_vocab),
    )


def _fewer(config: RunConfig, units: str, enough_vocab: int | None) -> str:
    """What would leave fewer of them."""
    larger = f"--vocab {enough_vocab} leaves a quarter of them"
    if config.tokens == "characters":
        return f"use a larger --vocab: {larger}" if enough_vocab else "use another text"
    if enough_vocab is None:
        return "the text says itself that they are unknown: use one whose rare words were not replaced"
    if enough_vocab <= _LARGE_VOCABULARY * config.vocab:
        return f"use a larger --vocab: {larger}"
    other = "--tokens characters, or words" if config.tokens == "spaces" else "--tokens characters"
    return f"use {other}: this text has so many {units} that only {larger}"
