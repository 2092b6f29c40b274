"""What is compared: a metric's values, one a launch, computed from the raw samples of a record.

A launch's step is the median of its steps, its ratio the ratio of its two medians (baseline and pipeline ran in turn
within the launch, so they are a pair). A timeline and the memory's peak are stored once a record: one value.
"""

from statistics import median
from typing import NamedTuple

from pipebench.errors import CorruptRecordError
from pipebench.records.comparison import MetricName
from pipebench.records.schema import OtherRecord, RunRecord, SpanRecord, TimelineRecord

_SHORTEST_S, _LONGEST_S = 1e-9, 1e9
_MOST_WORDS = 1e15


class Metric(NamedTuple):
    """A figure by its name in records, with its name for people."""

    name: MetricName
    title: str
    higher_is_better: bool


METRICS: dict[MetricName, Metric] = {
    metric.name: metric
    for metric in (
        Metric("words_per_s", "words/s", higher_is_better=True),
        Metric("speedup", "speed-up", higher_is_better=True),
        Metric("step_s", "step", higher_is_better=False),
        Metric("efficiency", "efficiency", higher_is_better=True),
        Metric("bubble_fraction", "bubble", higher_is_better=False),
        Metric("peak_memory_bytes", "peak memory", higher_is_better=False),
    )
}


class Sample(NamedTuple):
    """Values of a metric, one a launch: ``factor`` times (or over) what was measured.

    Two metrics of a pair of records with the same ``source`` and the same ratio of factors are one test, not two.
    """

    values: tuple[float, ...]
    source: str
    factor: float = 1.0


def samples(record: RunRecord) -> dict[MetricName, Sample]:
    """The metrics that a record has; none if it was not completed.

    Raises:
        CorruptRecordError: It is marked completed, and its samples or its verification cannot be.
    """
    if record.status != "completed":
        return {}
    check_trustworthy(record)
    assert record.config.input is not None
    assert record.timeline is not None
    words, devices = record.config.input.words_per_step, record.device.count
    steps = [median(launch.pipeline.step_s) for launch in record.launches]
    ratios = [
        median(launch.baseline.step_s) / step for launch, step in zip(record.launches, steps, strict=True)
    ]
    found: dict[MetricName, Sample] = {
        "words_per_s": Sample(tuple(words / step for step in steps), "step", words),
        "speedup": Sample(tuple(ratios), "ratio"),
        "step_s": Sample(tuple(steps), "step"),
        "efficiency": Sample(tuple(ratio / devices for ratio in ratios), "ratio", 1 / devices),
        "bubble_fraction": Sample((bubble_fraction(record.timeline, devices),), "timeline"),
    }
    peak = _peak_bytes(record)
    if peak is not None:
        found["peak_memory_bytes"] = Sample((float(peak),), "memory")
    return found


def check_trustworthy(record: RunRecord) -> None:
    """Refuse a completed record that no completed run can have left."""
    verification = record.verification
    if verification and verification.max_relative_gradient_error > verification.tolerance:
        raise CorruptRecordError(
            f"{record.id!r}: marked completed, but its gradients differ from the baseline's by "
            f"{verification.max_relative_gradient_error:.1e} (at most {verification.tolerance:.0e} allowed)"
        )
    words = record.config.input.words_per_step if record.config.input else 1.0
    if not 1 / _MOST_WORDS <= words <= _MOST_WORDS:
        raise CorruptRecordError(f"{record.id!r}: no step has {words:g} words")
    for number, launch in enumerate(record.launches, start=1):
        for kind, steps in (("baseline", launch.baseline.step_s), ("pipeline", launch.pipeline.step_s)):
            if not steps or not all(_SHORTEST_S <= step <= _LONGEST_S for step in steps):
                raise CorruptRecordError(
                    f"{record.id!r}: launch {number}: expected {kind} steps between {_SHORTEST_S:g} and "
                    f"{_LONGEST_S:g} s, found {min(steps, default='none')} to {max(steps, default='none')}"
                )


def bubble_fraction(timeline: TimelineRecord, devices: int) -> float:
    """1 - busy / (devices x makespan), from the spans."""
    work: list[SpanRecord | OtherRecord] = [*timeline.spans, *timeline.other]
    makespan = max((item.end_s for item in work), default=0.0)
    busy = sum(item.end_s - item.start_s for item in work)
    return 1 - busy / (devices * makespan) if makespan else 0.0


def _peak_bytes(record: RunRecord) -> int | None:
    """The fullest device's measured peak; ``None`` where it was not measured on all."""
    peaks = [device.memory.peak_bytes if device.memory else None for device in record.devices]
    known = [peak for peak in peaks if peak is not None]
    return max(known) if known and len(known) == len(peaks) else None
