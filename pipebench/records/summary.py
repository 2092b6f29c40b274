"""From raw samples to the figures of a record. Pure.

A launch's ratio is median(baseline) / median(pipeline); the speed-up is the geometric mean over launches;
throughput comes from the geometric mean of launch medians, so that speed-up = pipeline / baseline exactly.
"""

from collections.abc import Sequence
from statistics import median

from pipebench.records.figures import Speedup
from pipebench.records.launches import Launch
from pipebench.records.spans import TimelineRecord
from pipebench.statistics import geometric_mean, ratio_interval


def speedup(launches: Sequence[Launch]) -> Speedup:
    """The speed-up with its interval."""
    ratios = [median(launch.baseline.step_s) / median(launch.pipeline.step_s) for launch in launches]
    value, low, high = ratio_interval(ratios)
    return Speedup(value=value, low=low, high=high)


def baseline_step_s(launches: Sequence[Launch]) -> float:
    """The baseline's step."""
    return geometric_mean([median(launch.baseline.step_s) for launch in launches])


def pipeline_step_s(launches: Sequence[Launch]) -> float:
    """The pipeline's step."""
    return geometric_mean([median(launch.pipeline.step_s) for launch in launches])


def peaks_bytes(launches: Sequence[Launch]) -> list[int] | None:
    """The most that each device's tensors took in any launch; ``None`` where a launch did not measure it."""
    peaks = [launch.peaks_bytes for launch in launches if launch.peaks_bytes is not None]
    return [max(of_device) for of_device in zip(*peaks, strict=True)] if len(peaks) == len(launches) else None


def nearest(timelines: Sequence[TimelineRecord], step_s: float) -> TimelineRecord:
    """The measured step nearest to ``step_s``."""
    return min(timelines, key=lambda timeline: abs(timeline.makespan_s - step_s))


def waited(launches: Sequence[Launch]) -> float:
    """How many times its CPU time work took by the wall clock: the median over launches, 1 or more; 1 if unknown."""
    ratios = [launch.wall_per_cpu for launch in launches if launch.wall_per_cpu is not None]
    return max(median(ratios), 1.0) if ratios else 1.0
