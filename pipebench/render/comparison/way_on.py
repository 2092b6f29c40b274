"""What a user can do about fields that differ, in words."""

from collections.abc import Iterator

from pipebench.comparison.going_on import GoingOn, going_on
from pipebench.records.comparison import CandidateComparison, Side
from pipebench.render.comparison.words import Foreign, Wording


def way_on(compared: CandidateComparison) -> Iterator[Wording]:
    """Which options make a new run of the candidate comparable, or which option allows the difference."""
    found = going_on(compared.mismatches, compared.candidate.model)
    ways = [way for way in (_again(found), _all_the_same(found, compared.candidate), _never(found)) if way]
    for number, way in enumerate(ways):
        yield from ["; or " if found.allowing else "; "] if number else []
        yield from way


def _again(found: GoingOn) -> list[Wording]:
    parts: list[Wording] = []
    if found.options:
        parts += [" with ", Foreign(found.options)]
    if found.without:
        parts += [" without ", Foreign(found.without)]
    if found.words:
        parts.append(f"{',' if parts else ''} with the {' and the '.join(found.words)} of A")
    return ["measure it again", *parts] if parts else []


def _all_the_same(found: GoingOn, candidate: Side) -> list[Wording]:
    """``guard``, which has just measured it, has no such option."""
    if not found.allowing or (candidate.command and candidate.text):
        return []
    return ["add ", Foreign(found.allowing), " to compare all the same"]


def _never(found: GoingOn) -> list[Wording]:
    if not found.never:
        return []
    instead = "" if _again(found) else ": compare runs that agree in it"
    return [f"no option lets {' and '.join(found.never)} differ{instead}"]
