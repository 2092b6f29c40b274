"""Which optimizer step each label belongs to: what ``ProfilerStep`` says, or else the passes that a rank makes."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pipebench.errors import CorruptRecordError
from pipebench.foreign.rows import COMPUTE
from pipebench.foreign.torch_profiler.labels import Label, Window
from pipebench.foreign.torch_profiler.passes import aligned, passes_of

_TOLD = 8  # so many steps at most are named in a notice


class Rank(NamedTuple):
    """What one rank wrote.

    Args:
        labels: in the order of their starts.
        windows: the profiler's steps.
        origin: what its times count from, in microseconds of a clock of all ranks; ``None`` where it is not known.
    """

    labels: Sequence[Label]
    windows: Sequence[Window]
    origin: float | None


class Numbered(NamedTuple):
    """A label and the step that it belongs to."""

    step: int
    label: Label


class Steps(NamedTuple):
    """The labels of all ranks that belong to steps which every rank has whole, and what had to be assumed."""

    ranks: Sequence[Sequence[Numbered]]
    notices: Sequence[str]


def steps_of(ranks: Sequence[Rank]) -> Steps:
    """Number the labels of all ranks.

    Raises:
        CorruptRecordError: There is no step that all ranks have whole.
    """
    found, notices = _numbered(ranks)
    outside = sum(len(rank.labels) for rank in ranks) - sum(map(len, found))
    if outside:
        notices.append(f"{outside} labels are left out: they belong to no whole step of the recording")
    whole = set.intersection(*(_whole(labels) for labels in found))
    left_out = sorted({step for labels in found for step, _ in labels} - whole)
    if not whole:
        raise CorruptRecordError(
            "expected a step that all ranks have recorded from beginning to end, got none; record at least two steps"
        )
    if left_out:
        notices.append(f"{_listed(left_out)} left out: not all ranks have all of it")
    return Steps([[each for each in labels if each.step in whole] for labels in found], notices)


def _numbered(ranks: Sequence[Rank]) -> tuple[list[list[Numbered]], list[str]]:
    windowed = [_by_windows(rank) for rank in ranks]
    if all(rank.windows for rank in ranks) and not any(map(_repeats, windowed)):
        return windowed, []
    if all(rank.windows for rank in ranks):
        why = "some ProfilerSteps hold the schedule more than once"
        ranks = [rank._replace(labels=_labels(found)) for rank, found in zip(ranks, windowed, strict=True)]
    else:
        why = "not all files tell their steps (ProfilerStep)"
    notice = f"{why}: each time that all of a rank's labels come once is taken as a step"
    return _by_passes(ranks), [notice]


def _by_windows(rank: Rank) -> list[Numbered]:
    starts = [window.start for window in rank.windows]
    places = ((bisect_right(starts, label.start) - 1, label) for label in rank.labels)
    return [
        Numbered(rank.windows[at].number, label)
        for at, label in places
        if at >= 0 and label.start < rank.windows[at].end
    ]


def _by_passes(ranks: Sequence[Rank]) -> list[list[Numbered]]:
    passes = [passes_of(rank.labels) for rank in ranks]
    steps = aligned(passes, [rank.origin for rank in ranks])
    return [
        [
            Numbered(step, label)
            for step, one in zip(numbers, own, strict=True)
            if step is not None
            for label in one
        ]
        for numbers, own in zip(steps, passes, strict=True)
    ]


def _labels(found: Iterable[Numbered]) -> list[Label]:
    return [label for _, label in found]


def _repeats(found: Iterable[Numbered]) -> bool:
    """Whether a step holds the same action twice."""
    counts = Counter((step, label.key) for step, label in found if label.operation in COMPUTE)
    return any(count > 1 for count in counts.values())


def _whole(found: Sequence[Numbered]) -> set[int]:
    """The steps in which the rank did all that it does in any step."""
    told = [(step, label.key) for step, label in found if label.operation in COMPUTE]
    counts = Counter(step for step, _ in set(told))
    every = len({key for _, key in told})
    return {step for step, count in counts.items() if count == every}


def _listed(steps: Sequence[int]) -> str:
    """Such as: step 3 is; steps 3, 4 are."""
    text = ", ".join(str(step) for step in steps[:_TOLD]) + (", ..." if len(steps) > _TOLD else "")
    return f"step {text} is" if len(steps) == 1 else f"steps {text} are"
