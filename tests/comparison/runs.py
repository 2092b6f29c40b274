"""Runs to compare, by the step times of their launches, and how they compare."""

from pathlib import Path

from pipebench.comparison.compare import Rules, compare
from pipebench.records.comparison import ComparisonRecord
from pipebench.records.launches import Launch
from pipebench.records.run import RunRecord
from pipebench.records.selection import Source
from tests.builders import launch


def compared(*records: RunRecord, **rules: object) -> ComparisonRecord:
    return compare([Source(record, Path(f"{n}.json")) for n, record in enumerate(records)], Rules(**rules))


def launches(pipeline_s: list[float], baseline_s: float = 19.0) -> list[Launch]:
    return [launch([baseline_s], [step]) for step in pipeline_s]


STEADY = [9.4, 9.5, 9.6, 9.45, 9.55, 9.5]


def scaled(factor: float) -> list[Launch]:
    return launches([factor * step for step in STEADY])
