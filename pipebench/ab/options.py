"""Reads options of ``run`` as plain words: a side may be another version, whose parser is not ours."""

from collections.abc import Sequence

from pipebench.models.references import is_own


def values(options: Sequence[str], name: str) -> list[str]:
    """Every value that an option is given, as ``--text FILE`` or ``--text=FILE``."""
    found = []
    for word, behind in zip(options, [*options, ""][1:], strict=True):
        option, equals, value = word.partition("=")
        if option == name:
            found.append(value if equals else behind)
    return found


def own_model(options: Sequence[str]) -> str | None:
    """The ``--model`` that counts, if it is one of the user's own."""
    *_, last = "", *values(options, "--model")
    return last if is_own(last) else None
