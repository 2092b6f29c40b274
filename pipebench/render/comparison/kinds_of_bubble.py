"""Of what a comparison's bubbles are: of all launches, or of the one step that a record of before has."""

from collections.abc import Iterator

from pipebench.comparison.overall import pairs_of
from pipebench.records.comparison import ComparisonRecord, Side

_BUBBLE = "bubble_fraction"


def kinds_of_bubble(record: ComparisonRecord) -> str:
    """In a few words, by side where they are not of one kind; nothing where no bubble is known."""
    found: dict[str, list[str]] = {}
    for label, kind in _kinds(record):
        found.setdefault(kind, []).append(label)
    if len(found) < 2:
        return next(iter(found), "")
    return "; ".join(f"{', '.join(labels)}: {kind}" for kind, labels in found.items())


def _kinds(record: ComparisonRecord) -> Iterator[tuple[str, str]]:
    """Each side's label, and of what its bubble is; a side without one has none."""
    known = [pair for pair in pairs_of(record) if _BUBBLE in pair.metrics]
    sides = [(record.reference, pair.metrics[_BUBBLE].launches[0]) for pair in known[:1]]
    sides += [(pair.candidate, pair.metrics[_BUBBLE].launches[1]) for pair in known]
    return ((side.label, _kind(side, values)) for side, values in sides if values)


def _kind(side: Side, values: int) -> str:
    if side.trace:
        return "all recorded steps"
    return "over all launches" if values == side.launches else "recorded step alone"
