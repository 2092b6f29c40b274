"""One metric over the runs of one configuration, oldest first, and where it changed.

A run is one value here: the geometric mean of its launches. Runs that cannot be compared with the newest one are left
out and counted.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from pipebench.comparison.fields import identity, mismatches_of
from pipebench.comparison.metrics import samples
from pipebench.comparison.verdicts import middle
from pipebench.errors import CorruptRecordError, MissingError
from pipebench.records.comparison import MetricName
from pipebench.records.schema import Name, Part, RunRecord
from pipebench.statistics import change_points, runs_needed


class Point(Part, frozen=True):
    """A run and its value."""

    id: Name
    created: str
    value: float


class Change(Part, frozen=True):
    """The first run of a new level; ``change`` is relative, the p-value adjusted for all splits looked at."""

    id: Name
    created: str
    before: float
    after: float
    change: float
    p_value: float


class History(Part, frozen=True, kw_only=True):
    """A metric's course; ``needed``: so many runs at a new level show it, were it to change now."""

    metric: MetricName
    threshold: float
    of: str
    runs: list[Point]
    changes: list[Change]
    other_configurations: int
    not_completed: int
    unreadable: int
    needed: int | None = None


def history(
    records: Iterable[RunRecord | CorruptRecordError], metric: MetricName, *, threshold: float = 0.03
) -> History:
    """The course of a metric over the runs that can be compared with the newest completed one.

    Raises:
        MissingError: No completed run has the metric.
    """
    entries, not_completed, unreadable = [], 0, 0
    for record in records:  # one at a time: a thousand timelines are no small thing
        if not isinstance(record, RunRecord):
            unreadable += 1
        elif record.status != "completed":
            not_completed += 1
        else:
            try:
                entries.append(_entry(record, metric))
            except CorruptRecordError:
                unreadable += 1
    entries.sort(key=lambda entry: (entry.moment, entry.id))
    if not entries:
        raise MissingError("history: no completed run")
    newest = entries[-1]
    alike = [entry for entry in entries if not mismatches_of(newest.identity, entry.identity)]
    points = [Point(each.id, each.created, each.value) for each in alike if each.value is not None]
    if not points:
        raise MissingError(f"history: no run of the newest one's configuration has {metric}")
    return History(
        metric=metric,
        threshold=threshold,
        of=newest.of,
        runs=points,
        changes=_changes(points, threshold),
        other_configurations=len(entries) - len(alike),
        not_completed=not_completed,
        unreadable=unreadable,
        needed=runs_needed(len(points)),
    )


class _Entry(NamedTuple):
    """What is kept of a completed run."""

    moment: float
    id: str
    created: str
    identity: Mapping[str, object]
    of: str
    value: float | None


def _entry(run: RunRecord, metric: MetricName) -> _Entry:
    sample = samples(run).get(metric)
    return _Entry(
        moment=_moment(run),
        id=run.id,
        created=run.created,
        identity=identity(run),
        of=_described(run),
        value=middle(sample) if sample else None,
    )


def _moment(run: RunRecord) -> float:
    """When it was made; what is no date comes first."""
    try:
        return datetime.fromisoformat(run.created).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _changes(points: list[Point], threshold: float) -> list[Change]:
    values = [point.value for point in points]
    if min(values) <= 0:
        return []
    return [
        Change(points[at].id, points[at].created, before, after, after / before - 1, p_value)
        for at, before, after, p_value in change_points(values, threshold=threshold)
    ]


def _described(run: RunRecord) -> str:
    config, device = run.config, run.device
    machine = f" {run.machine.name}" if run.machine else ""
    return (
        f"{device.count} {device.kind}{machine}, {run.clock} clock; {config.schedule} M {config.microbatches} "
        f"C {config.chunks}; {config.layers} layers of {config.hidden}, {config.dtype}"
    )
