"""Where a record's stored summary says something else than its raw samples. The samples are what counts."""

from collections.abc import Iterator, Mapping
from math import isclose

from pipebench.comparison.metrics import Sample, bubble_fraction, busy_is_known
from pipebench.records.comparison import MetricName
from pipebench.records.run import CompletedRun
from pipebench.statistics import geometric_mean, ratio_interval

_ROUNDING = 1e-6


def contradictions(record: CompletedRun, found: Mapping[MetricName, Sample]) -> list[str]:
    """The fields that contradict the samples, with both values."""
    wrong = [
        f"{field} is {stored:.6g}, the samples say {computed:.6g}"
        for field, stored, computed in _pairs(record, found)
        if stored is not None and not isclose(stored, computed, rel_tol=_ROUNDING, abs_tol=_ROUNDING)
    ]
    return [*wrong, *_counts(record), *_busy(record)]


def _busy(record: CompletedRun) -> Iterator[str]:
    """Launches whose busy times do not fit their steps; no bubble is computed from these."""
    for number, launch in enumerate(record.launches, start=1):
        if launch.pipeline.busy_s and not busy_is_known(launch, record.device.count):
            yield f"launch {number}: pipeline.busy_s is not that of its {len(launch.pipeline.step_s)} steps"


def _pairs(
    record: CompletedRun, found: Mapping[MetricName, Sample]
) -> Iterator[tuple[str, float | None, float]]:
    """Field, stored value, value from the samples."""
    speedup = ratio_interval(found["speedup"].values)
    own, alone = geometric_mean(found["throughput"].values), found["baseline_throughput"]
    items_per_s = geometric_mean(alone.values)
    yield "pipeline.step_s", record.pipeline.step_s, geometric_mean(found["step_s"].values)
    yield "pipeline.words_per_s", record.pipeline.words_per_s, own
    yield "pipeline.items_per_s", record.pipeline.items_per_s, own
    yield "baseline.step_s", record.baseline.step_s, alone.factor / items_per_s
    yield "baseline.words_per_s", record.baseline.words_per_s, items_per_s
    yield "baseline.items_per_s", record.baseline.items_per_s, items_per_s
    yield "speedup.value", record.speedup.value, speedup.value
    if speedup.low is not None and speedup.high is not None:
        yield "speedup.low", record.speedup.low, speedup.low
        yield "speedup.high", record.speedup.high, speedup.high
    yield "efficiency", record.efficiency, geometric_mean(found["efficiency"].values)
    yield "bubble.fraction", record.bubble.fraction, bubble_fraction(record.timeline, record.device.count)


def _counts(record: CompletedRun) -> Iterator[str]:
    if record.config.launches != len(record.launches):
        yield f"config.launches is {record.config.launches}, there are {len(record.launches)}"
    if record.config.gpus != record.device.count:
        yield f"config.gpus is {record.config.gpus}, device.count {record.device.count}"
    counted = record.input
    if counted.words_per_step not in (None, counted.items):
        yield f"config.input.words_per_step is {counted.words_per_step:g}, items_per_step {counted.items:g}"
