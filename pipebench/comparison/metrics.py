"""What is compared: a metric's values, one a launch, computed from the raw samples of a record.

    step     the median of a launch's steps
    ratio    the ratio of its two medians: baseline and pipeline ran in turn within the launch, so they are a pair
    bubble   the median of its steps' bubbles
    peak     the peak of the fullest device

Records that do not keep bubble and peak by launch have one value of each. The parts of a ratio are metrics too: one
device's throughput, and the time that a device is busy. Where words are counted, throughput has a second name.
A run that another program measured is one launch. Its step, bubble and busy time are means over all recorded steps.
"""

from collections.abc import Mapping
from statistics import median
from types import MappingProxyType
from typing import NamedTuple

from pipebench.comparison.coarseness import Grain, grain_of
from pipebench.errors import CorruptRecordError
from pipebench.models.tolerances import LARGEST_TOLERANCE
from pipebench.records.command import CommandRecord, Comparable
from pipebench.records.comparison import MetricName
from pipebench.records.launches import Launch
from pipebench.records.run import CompletedRun
from pipebench.records.spans import TimelineRecord
from pipebench.records.terms import WORDS, Terms, terms_of
from pipebench.records.timelines import busy_s, work_of
from pipebench.records.trace import TraceRecord

_SHORTEST_S, _LONGEST_S = 1e-9, 1e9
_MOST_ITEMS = 1e15
_ROUNDING = 1e-9
SMALLEST, LARGEST = 1e-12, 1e18  # the range of values that a command may print

# Sources that have one value a record, however many launches it has.
ONE_VALUE = frozenset({"timeline", "peak"})


class Metric(NamedTuple):
    """A metric by its name in records, with its name for people; ``short`` is the name in a table, if it is another.

    Both names for people may have placeholders, which the terms of a record fill.
    """

    name: MetricName
    text: str
    higher_is_better: bool
    short: str = ""

    def title(self, terms: Terms) -> str:
        """What it is called in a sentence."""
        return self.text.format(terms=terms)

    def heading(self, terms: Terms) -> str:
        """What its row of a table is called."""
        return (self.short or self.text).format(terms=terms)


METRICS: dict[MetricName, Metric] = {
    metric.name: metric
    for metric in (
        Metric("words_per_s", "words/s", higher_is_better=True),
        Metric("throughput", "{terms.rate}", higher_is_better=True),
        Metric("baseline_words_per_s", "{terms.whose} words/s", higher_is_better=True, short="{terms.row}"),
        Metric(
            "baseline_throughput", "{terms.whose} {terms.rate}", higher_is_better=True, short="{terms.row}"
        ),
        Metric("speedup", "speed-up{terms.relative}", higher_is_better=True),
        Metric("step_s", "step", higher_is_better=False),
        Metric("efficiency", "efficiency", higher_is_better=True),
        Metric("bubble_fraction", "bubble", higher_is_better=False),
        Metric("busy_s", "busy time", higher_is_better=False),
        Metric("peak_memory_bytes", "peak memory", higher_is_better=False),
    )
}


# The metrics of a run that another program measured. Its items and its baseline are not known.
OF_TRACES: tuple[MetricName, ...] = ("step_s", "bubble_fraction", "busy_s")


def metric_named(name: MetricName, terms: Terms) -> Metric:
    """The metric of this name; a command's own is called what the command calls it."""
    if terms.better is None:
        return METRICS[name]
    return Metric(name, name, higher_is_better=terms.better == "higher")


def names_of(record: Comparable) -> tuple[MetricName, ...]:
    """The metrics that a record of this kind may have, in the order in which they are shown."""
    if isinstance(record, CommandRecord):
        return (record.metric.field,)
    return OF_TRACES if isinstance(record, TraceRecord) else tuple(METRICS)


# The names of throughput that only records of words have, each with the name that every record has.
OF_WORDS: Mapping[MetricName, MetricName] = MappingProxyType(
    {"words_per_s": "throughput", "baseline_words_per_s": "baseline_throughput"}
)


def other_name(name: MetricName) -> MetricName | None:
    """The metric's other name, if it is a throughput; else ``None``."""
    names = {**OF_WORDS, **{every: words for words, every in OF_WORDS.items()}}
    return names.get(name)


class Sample(NamedTuple):
    """Values of a metric, one a launch: what was measured times ``factor``, or ``factor`` divided by it.

    Two metrics of two records are one test, not two, if they have the same ``source`` and ratio of factors.
    ``grain`` says how finely a command prints what it measures.
    """

    values: tuple[float, ...]
    source: str
    factor: float = 1.0
    grain: Grain | None = None


def samples(record: Comparable) -> dict[MetricName, Sample]:
    """The metrics that a record has; none if it was not completed.

    Raises:
        CorruptRecordError: It is marked completed, but its samples or its verification cannot be right.
    """
    match record:
        case CompletedRun():
            return _measured(record)
        case CommandRecord(status="completed"):
            return {record.metric.field: _printed(record)}
        case TraceRecord():
            return _recorded(record)
        case _:
            return {}


def _measured(record: CompletedRun) -> dict[MetricName, Sample]:
    """What a run measured, a value a launch."""
    check_trustworthy(record)
    items, ones, devices = record.input.items, record.baseline.devices, record.device.count
    steps = [median(launch.pipeline.step_s) for launch in record.launches]
    alone = [median(launch.baseline.step_s) for launch in record.launches]
    ratios = [one / step for one, step in zip(alone, steps, strict=True)]
    rates = Sample(tuple(items / step for step in steps), "step", items)
    rates_alone = Sample(tuple(items / step for step in alone), "baseline step", items)
    found: dict[MetricName, Sample] = {}
    if terms_of(record).unit == WORDS:
        found = {"words_per_s": rates, "baseline_words_per_s": rates_alone}
    found |= {
        "throughput": rates,
        "baseline_throughput": rates_alone,
        "speedup": Sample(tuple(ratios), "ratio"),
        "step_s": Sample(tuple(steps), "step"),
        "efficiency": Sample(tuple(ratio * ones / devices for ratio in ratios), "ratio", ones / devices),
        "bubble_fraction": _bubble(record),
    }
    busy = _busy(record)
    if busy:
        found["busy_s"] = Sample(busy, "busy time")
    peaks = _peaks_bytes(record)
    if peaks:
        found["peak_memory_bytes"] = Sample(peaks, "peak of launches" if len(peaks) > 1 else "peak")
    return found


def _printed(record: CommandRecord) -> Sample:
    """What a command printed, a value a launch."""
    for number, launch in enumerate(record.launches, start=1):
        if not all(SMALLEST <= value <= LARGEST for value in launch.samples):
            raise CorruptRecordError(
                f"{record.id!r}: launch {number}: expected values of {record.metric.field} between {SMALLEST:g} and "
                f"{LARGEST:g}, found {min(launch.samples):g} to {max(launch.samples):g}"
            )
    grain = grain_of([value for launch in record.launches for value in launch.counted])
    return Sample(tuple(launch.value for launch in record.launches), "printed", grain=grain)


def _recorded(record: TraceRecord) -> dict[MetricName, Sample]:
    """What another program measured, a value a run."""
    for number, launch in enumerate(record.launches, start=1):
        lengths = [step.measured_s for step in launch.steps]
        if not all(_SHORTEST_S <= length <= _LONGEST_S for length in lengths):
            raise CorruptRecordError(
                f"{record.id!r}: launch {number}: expected steps between {_SHORTEST_S:g} and {_LONGEST_S:g} s, "
                f"found {min(lengths):g} to {max(lengths):g}"
            )
    launches, devices = record.launches, record.plan.devices
    bubbles = [launch.bubble(devices) for launch in launches]
    return {
        "step_s": Sample(tuple(launch.step_s for launch in launches), "step"),
        "bubble_fraction": Sample(tuple(each if each > _ROUNDING else 0.0 for each in bubbles), "idle time"),
        "busy_s": Sample(tuple(launch.busy_s(devices) for launch in launches), "busy time"),
    }


def check_trustworthy(record: CompletedRun) -> None:
    """Refuse a completed record whose figures no completed run can have.

    Raises:
        CorruptRecordError: Its verification failed, or a number of it is out of range.
    """
    allowed = min(record.verification.tolerance, LARGEST_TOLERANCE)
    if record.verification.max_relative_gradient_error > allowed:
        raise CorruptRecordError(
            f"{record.id!r}: marked completed, but its gradients differ from the baseline's by "
            f"{record.verification.max_relative_gradient_error:.1e} (at most {allowed:.0e} allowed)"
        )
    items = record.input.items
    if not 1 / _MOST_ITEMS <= items <= _MOST_ITEMS:
        raise CorruptRecordError(f"{record.id!r}: no step has {items:g} {terms_of(record).unit}")
    for number, launch in enumerate(record.launches, start=1):
        for kind, steps in (("baseline", launch.baseline.step_s), ("pipeline", launch.pipeline.step_s)):
            if not steps or not all(_SHORTEST_S <= step <= _LONGEST_S for step in steps):
                raise CorruptRecordError(
                    f"{record.id!r}: launch {number}: expected {kind} steps between {_SHORTEST_S:g} and "
                    f"{_LONGEST_S:g} s, found {min(steps, default='none')} to {max(steps, default='none')}"
                )
    for span in work_of(record.timeline):
        if not 0 <= span.start_s <= span.end_s <= _LONGEST_S:
            raise CorruptRecordError(
                f"{record.id!r}: timeline: nothing can run from {span.start_s:g} to {span.end_s:g} s"
            )


def bubble_fraction(timeline: TimelineRecord, devices: int) -> float:
    """1 - busy / (devices x makespan), from the spans."""
    makespan_s = max((item.end_s for item in work_of(timeline)), default=0.0)
    return 1 - busy_s(timeline) / (devices * makespan_s) if makespan_s else 0.0


def busy_is_known(launch: Launch, devices: int) -> bool:
    """Whether a launch has the busy time of each step, over all devices, and none is longer than it can be."""
    steps, busy = launch.pipeline.step_s, launch.pipeline.busy_s
    return len(steps) == len(busy) and all(
        work <= devices * step * (1 + _ROUNDING) for step, work in zip(steps, busy, strict=True)
    )


def _busy(record: CompletedRun) -> tuple[float, ...]:
    """Seconds that a device works in a step, one value a launch: the mean over devices, the median over steps."""
    devices = record.device.count
    if not all(busy_is_known(launch, devices) for launch in record.launches):
        return ()
    return tuple(median(launch.pipeline.busy_s) / devices for launch in record.launches)


def _bubble(record: CompletedRun) -> Sample:
    devices = record.device.count
    if all(busy_is_known(launch, devices) for launch in record.launches):
        return Sample(tuple(_of_launch(launch, devices) for launch in record.launches), "idle time")
    return Sample((bubble_fraction(record.timeline, devices),), "timeline")


def _of_launch(launch: Launch, devices: int) -> float:
    """The median of its steps' bubbles; 0 where only rounding errors are left."""
    steps = zip(launch.pipeline.step_s, launch.pipeline.busy_s, strict=True)
    found = median(1 - busy / (devices * step) for step, busy in steps)
    return found if found > _ROUNDING else 0.0


def _peaks_bytes(record: CompletedRun) -> tuple[float, ...]:
    """The fullest device's peak, of each launch or once of all; empty if it was not measured on every device."""
    launches = [launch.peaks_bytes for launch in record.launches]
    if all(launches):
        return tuple(float(max(peaks)) for peaks in launches if peaks)
    peaks = [device.memory.peak_bytes if device.memory else None for device in record.devices]
    known = [peak for peak in peaks if peak is not None]
    return (float(max(known)),) if known and len(known) == len(peaks) else ()
