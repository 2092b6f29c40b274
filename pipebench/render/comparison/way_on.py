"""How to go on from what differs, in words."""

from collections.abc import Iterator

from pipebench.comparison.going_on import GoingOn, going_on
from pipebench.records.comparison import Pair, Side
from pipebench.render.comparison.words import Foreign, Part


def way_on(pair: Pair) -> Iterator[Part]:
    """What to measure the candidate again with to be like the reference, or what lets it differ."""
    found = going_on(pair.mismatches)
    ways = [way for way in (_again(found), _all_the_same(found, pair.candidate), _never(found)) if way]
    for number, way in enumerate(ways):
        yield from ["; or " if found.allowing else "; "] if number else []
        yield from way


def _again(found: GoingOn) -> list[Part]:
    parts: list[Part] = []
    if found.options:
        parts += [" with ", Foreign(found.options)]
    if found.without:
        parts += [" without ", Foreign(found.without)]
    if found.words:
        parts.append(f"{',' if parts else ''} with the {' and the '.join(found.words)} of A")
    return ["measure it again", *parts] if parts else []


def _all_the_same(found: GoingOn, candidate: Side) -> list[Part]:
    """``guard``, which has just measured it, has no such option."""
    if not found.allowing or (candidate.command and candidate.text):
        return []
    return ["add ", Foreign(found.allowing), " to compare all the same"]


def _never(found: GoingOn) -> list[Part]:
    if not found.never:
        return []
    instead = "" if _again(found) else ": compare runs that agree in it"
    return [f"no option lets {' and '.join(found.never)} differ{instead}"]
