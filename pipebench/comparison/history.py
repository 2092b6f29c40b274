"""One metric over the runs of one configuration, oldest first, and where it changed.

A run is one value here: the geometric mean of its launches. Runs that cannot be compared with the newest one are left
out and counted. Where a ratio changed, its parts are compared over the same runs.
"""

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Literal, NamedTuple

from msgspec import field

from pipebench.comparison.fields import identity, mismatches_of
from pipebench.comparison.metrics import METRICS, OF_TRACES, OF_WORDS, Sample, samples
from pipebench.comparison.parts import Setting, explanation, parts_of, setting_of
from pipebench.comparison.verdicts import estimate, middle, verdict_on
from pipebench.config.softmax_devices import softmax_in_short
from pipebench.errors import CorruptRecordError, MissingError
from pipebench.records.command import CommandRecord, Comparable
from pipebench.records.comparison import MetricComparison, MetricName, Verdict
from pipebench.records.schema import AtLeastOne, Name, Stored
from pipebench.records.terms import WORDS, Terms
from pipebench.records.trace import TraceRecord
from pipebench.statistics import change_points, runs_needed
from pipebench.statistics.changes import ChangePoint
from pipebench.statistics.power import DEFAULT_THRESHOLD


class Point(Stored, frozen=True):
    """A run and its value."""

    id: Name
    created: str
    value: float


class Moved(Stored, frozen=True):
    """A part of a ratio before and after it changed: geometric means, and the verdict on the change."""

    verdict: Verdict
    before: float
    after: float
    change: float | None


class Change(Stored, frozen=True):
    """The first run of a new level; ``change`` is relative, the p-value adjusted for all splits looked at.

    For a ratio, ``parts`` says which of its parts moved, and ``explanation`` says so in words. A part that a run lacks
    is left out, and then there is no explanation.
    """

    id: Name
    created: str
    before: float
    after: float
    change: float
    p_value: float
    parts: dict[MetricName, Moved] = field(default_factory=dict)
    explanation: str | None = None


class History(Stored, frozen=True, kw_only=True):
    """A metric over many runs; ``needed`` is how many runs at a new level it takes to show a change that comes now.

    ``joined`` is how many records were left out since the runs that they were made of are among the others.
    ``unit`` is what throughput counts. ``baseline_devices`` is how many devices the baseline of a speed-up has.
    ``better`` is set only where the metric is a command's own.
    """

    metric: MetricName
    threshold: float
    of: str
    runs: list[Point]
    changes: list[Change]
    other_configurations: int
    not_completed: int
    unreadable: int
    joined: int = 0
    needed: int | None = None
    unit: Name = WORDS
    baseline_devices: AtLeastOne = 1
    better: Literal["higher", "lower"] | None = None

    @property
    def terms(self) -> Terms:
        """The terms in which its figures are told."""
        return Terms(self.unit, self.baseline_devices, self.better)


def history(
    records: Iterable[Comparable | CorruptRecordError],
    metric: MetricName | None = None,
    *,
    threshold: float = DEFAULT_THRESHOLD,
) -> History:
    """Follow a metric over the runs that can be compared with the newest completed one.

    Of runs of the same second the one that is given first is the older one. Without a ``metric`` it is the throughput
    of runs, what a command prints, or the step of a recorded run. With one, a record that cannot have it is not taken
    for the newest.

    Raises:
        MissingError: No completed run has the metric.
    """
    entries, not_completed, unreadable = [], 0, 0
    for record in records:  # one at a time: a thousand timelines need much memory
        if isinstance(record, CorruptRecordError):
            unreadable += 1
        elif record.status != "completed":
            not_completed += 1
        else:
            try:
                entries.append(_entry(record, metric))
            except CorruptRecordError:
                unreadable += 1
    if not entries:
        raise MissingError("history: no completed run")
    every = sorted(entries, key=lambda entry: entry.moment)
    entries = _once(every)
    newest = next((each for each in reversed(entries) if not _prints_another(each, metric)), entries[-1])
    terms = newest.setting.terms
    metric = metric or next(iter(newest.values))
    alike = [entry for entry in entries if not mismatches_of(newest.identity, entry.identity)]
    known = [entry for entry in alike if metric in entry.values]
    points = [Point(each.id, each.created, each.values[metric]) for each in known]
    if not points:
        counts = metric in OF_WORDS and terms.unit != WORDS
        why = f" (they count {terms.unit}: ask for {OF_WORDS[metric]})" if counts else ""
        raise MissingError(f"history: no run of the newest one's configuration has {metric}{why}")
    return History(
        metric=metric,
        threshold=threshold,
        of=newest.of,
        runs=points,
        changes=_changes(known, metric, threshold),
        other_configurations=len(entries) - len(alike),
        not_completed=not_completed,
        unreadable=unreadable,
        joined=len(every) - len(entries),
        needed=runs_needed(len(points)),
        unit=terms.unit,
        baseline_devices=terms.baseline_devices,
        better=terms.better,
    )


class _Entry(NamedTuple):
    """What is kept of a completed run: the metric, and its parts if it is a ratio; throughput by both its names."""

    moment: float
    id: str
    merged_from: frozenset[str]
    created: str
    identity: Mapping[str, object]
    of: str
    values: Mapping[MetricName, float]
    setting: Setting


def _once(entries: Sequence["_Entry"]) -> list["_Entry"]:
    """The entries without joined ones whose runs are among them."""
    known = {entry.id for entry in entries}
    return [entry for entry in entries if not entry.merged_from & known]


def _prints_another(entry: "_Entry", metric: MetricName | None) -> bool:
    """Whether it cannot have this metric, and so cannot be the newest of its history.

    Each command prints a metric of its own, and a recorded run has few.
    """
    if metric is None or metric in entry.values:
        return False
    return "kind" in entry.identity or metric not in METRICS


def _entry(run: Comparable, metric: MetricName | None) -> _Entry:
    found, setting = samples(run), setting_of(run)
    names: tuple[MetricName, ...] = ("words_per_s", "throughput")
    if metric is not None:
        names = (metric, *_parts(metric, setting))
    elif isinstance(run, CommandRecord):
        names = (run.metric.field,)
    elif isinstance(run, TraceRecord):
        names = OF_TRACES[:1]
    return _Entry(
        moment=_moment(run),
        id=run.id,
        merged_from=frozenset(run.merged_from or ()),
        created=run.created,
        identity=_of_one_series(run),
        of=_described(run),
        values={name: middle(found[name]) for name in names if name in found},
        setting=setting,
    )


def _of_one_series(run: Comparable) -> Mapping[str, object]:
    """What runs of one series have in common.

    For commands that includes their variables, for recorded runs the number of replicas.
    """
    if isinstance(run, CommandRecord):
        return {**identity(run), "variables": run.variables}
    if isinstance(run, TraceRecord):
        return {**identity(run), "replicas": run.replicas}
    return identity(run)


def _parts(metric: MetricName, setting: Setting) -> tuple[MetricName, ...]:
    return parts_of(metric, unit=setting.terms.unit) if setting.terms.better is None else ()


def _moment(run: Comparable) -> float:
    """When it was made, in seconds since 1970; a record without a valid date comes first."""
    try:
        return datetime.fromisoformat(run.created).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _changes(entries: Sequence[_Entry], metric: MetricName, threshold: float) -> list[Change]:
    values = [entry.values[metric] for entry in entries]
    if min(values) <= 0:
        return []
    found = change_points(values, threshold=threshold)
    borders = [0, *(change.position for change in found), len(entries)]
    stretches = [entries[start:end] for start, end in pairwise(borders)]
    return [
        _change(earlier, later, metric, threshold, change)
        for change, (earlier, later) in zip(found, pairwise(stretches), strict=True)
    ]


def _change(
    earlier: Sequence[_Entry],
    later: Sequence[_Entry],
    metric: MetricName,
    threshold: float,
    found: ChangePoint,
) -> Change:
    """A change between two stretches of runs, which are at one level each."""
    _, before, after, p_value = found
    parts = _parts(metric, later[0].setting)
    rows = {name: _verdict_on(name, earlier, later, threshold) for name in parts}
    told = {name: row for name, row in rows.items() if row is not None}
    return Change(
        id=later[0].id,
        created=later[0].created,
        before=before,
        after=after,
        change=after / before - 1,
        p_value=p_value,
        parts={
            name: Moved(row.verdict, row.reference or 0.0, row.candidate or 0.0, row.change)
            for name, row in told.items()
        },
        explanation=explanation(metric, told, (_usual(earlier), _usual(later)))
        if told and len(told) == len(rows)
        else None,
    )


def _verdict_on(
    name: MetricName, earlier: Sequence[_Entry], later: Sequence[_Entry], threshold: float
) -> MetricComparison | None:
    """The verdict on a part, where each run is one value; ``None`` if a run lacks it."""
    if not all(name in entry.values for entry in (*earlier, *later)):
        return None
    before, after = (
        Sample(tuple(entry.values[name] for entry in entries), name) for entries in (earlier, later)
    )
    measured = estimate(name, before, after)
    p_value = measured.ratio.p_value if measured.ratio else None
    return verdict_on(measured, threshold=threshold, gated=False, adjusted_p_value=p_value, doubts=())


def _usual(entries: Sequence[_Entry]) -> Setting:
    """The setting that most of the runs have."""
    return Counter(entry.setting for entry in entries).most_common(1)[0][0]


def _described(run: Comparable) -> str:
    if isinstance(run, CommandRecord):
        return shlex.join(run.command)
    if isinstance(run, TraceRecord):
        return f"recorded run, {run.plan.text}; wall clock, by whoever recorded it"
    config, device = run.config, run.device
    layers = f"{config.layers} layers of {config.hidden}"
    if config.model is not None:
        layers = f"{config.model.name}: {len(config.model.layers)} layers"
    machine = f" {run.machine.name}" if run.machine else ""
    shared = "" if config.softmax_devices is None else f", {softmax_in_short(config.softmax_devices)}"
    return (
        f"{device.count} {device.kind}{machine}, {run.clock} clock; {config.schedule} M {config.microbatches} "
        f"C {config.chunks}{shared}; {layers}, {config.dtype}"
    )
