"""What the bubbles of a comparison are taken from: all launches, or the one step that an older record has."""

from collections.abc import Iterator

from pipebench.comparison.overall import comparisons_of
from pipebench.records.comparison import ComparisonRecord, Side

_BUBBLE = "bubble_fraction"


def kinds_of_bubble(record: ComparisonRecord) -> str:
    """In a few words; by side, if the sides differ in it. Empty if no bubble is known."""
    found: dict[str, list[str]] = {}
    for label, kind in _kinds(record):
        found.setdefault(kind, []).append(label)
    if len(found) < 2:
        return next(iter(found), "")
    return "; ".join(f"{', '.join(labels)}: {kind}" for kind, labels in found.items())


def _kinds(record: ComparisonRecord) -> Iterator[tuple[str, str]]:
    """The label of each side that has a bubble, and what the bubble is taken from."""
    known = [compared for compared in comparisons_of(record) if _BUBBLE in compared.metrics]
    sides = [(record.reference, compared.metrics[_BUBBLE].launches[0]) for compared in known[:1]]
    sides += [(compared.candidate, compared.metrics[_BUBBLE].launches[1]) for compared in known]
    return ((side.label, _kind(side, values)) for side, values in sides if values)


def _kind(side: Side, values: int) -> str:
    if side.trace:
        return "all recorded steps"
    return "over all launches" if values == side.launches else "recorded step only"
