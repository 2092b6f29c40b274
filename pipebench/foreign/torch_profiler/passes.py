"""Steps of a rank whose trace names none: each run of labels that has every action once, forwards before backwards.

A recording may begin and end anywhere, and at other places on each rank. So what comes before the first whole pass is
left out, and passes of two ranks are the same step where they overlap in time.
"""

from bisect import bisect_left
from collections.abc import Sequence

from pipebench.foreign.rows import COMPUTE
from pipebench.foreign.torch_profiler.labels import Label

Pass = Sequence[Label]
_BEFORE = ("RECV", "UNSHARD")  # what prepares the next action
_Extent = tuple[float, float]  # of one pass, in microseconds


def passes_of(labels: Sequence[Label]) -> list[Pass]:
    """The whole passes, in the order of time; ``labels`` are in the order of their starts.

    A label that prepares an action (a receive) belongs to the pass of the next label that computes, all others to the
    pass of the last one before them.
    """
    computing = [place for place, label in enumerate(labels) if label.operation in COMPUTE]
    size = len({labels[place].key for place in computing})
    passes: list[list[Label]] = []
    pass_of: dict[int, list[Label]] = {}
    at = 0
    while size and at + size <= len(computing):
        window = computing[at : at + size]
        if not _is_whole([labels[place] for place in window]):
            at += 1
            continue
        passes.append([])
        pass_of.update(dict.fromkeys(window, passes[-1]))
        at += size
    for place, label in enumerate(labels):
        if (own := pass_of.get(_decides(place, label, computing))) is not None:
            own.append(label)
    return list(passes)


def _decides(place: int, label: Label, computing: Sequence[int]) -> int:
    """The place of the action whose pass a label belongs to; -1 if there is none."""
    after = bisect_left(computing, place)
    if label.operation in COMPUTE or label.operation.startswith(_BEFORE):
        return computing[after] if after < len(computing) else -1
    return computing[after - 1] if after else -1


def _is_whole(window: Sequence[Label]) -> bool:
    """Whether all are different, the first is the forward of the first microbatch, and forwards precede backwards."""
    places = {label.key: place for place, label in enumerate(window)}
    first = window[0]
    if len(places) < len(window) or first.operation != "F" or first.microbatch != _least(window):
        return False
    return all(
        places.get(("F", label.stage, label.microbatch), -1) <= place for place, label in enumerate(window)
    )


def _least(window: Sequence[Label]) -> int | None:
    return min((label.microbatch for label in window if label.microbatch is not None), default=None)


def aligned(passes: Sequence[Sequence[Pass]], origins: Sequence[float | None]) -> list[list[int | None]]:
    """The step of each pass of each rank.

    The passes of the rank that has most of them count the steps. A pass of another rank has the step that it overlaps
    most, or ``None``. Without a common clock, a pass has its place as its step.

    Args:
        passes: the passes of each rank.
        origins: what each rank's times count from on one clock, in microseconds; ``None`` where there is no such clock.
    """
    known = [origin for origin in origins if origin is not None]
    if len(known) < len(origins):
        return [list(range(len(own))) for own in passes]
    extents: list[list[_Extent]] = [
        [(one[0].start + origin, max(label.end for label in one) + origin) for one in own]
        for own, origin in zip(passes, known, strict=True)
    ]
    steps = max(extents, key=len)
    return [_matched(own, steps) for own in extents]


def _matched(own: Sequence[_Extent], steps: Sequence[_Extent]) -> list[int | None]:
    """The step that each extent overlaps most. If several overlap one step, only the one that does so most has it."""
    best = [max(((_overlap(extent, step), number) for number, step in enumerate(steps))) for extent in own]
    most: dict[int, float] = {}
    for overlap, number in best:
        most[number] = max(overlap, most.get(number, 0.0))
    return [number if 0 < overlap == most[number] else None for overlap, number in best]


def _overlap(one: _Extent, other: _Extent) -> float:
    return min(one[1], other[1]) - max(one[0], other[0])
