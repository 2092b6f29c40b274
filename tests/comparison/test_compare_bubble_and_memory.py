"""Metrics that a record keeps by launch, or once: the bubble, and memory's peak."""

from pathlib import Path

import msgspec
import pytest

from pipebench.comparison.compare import compare
from pipebench.records.comparison import ComparisonRecord
from pipebench.records.figures import Memory
from pipebench.records.launches import Launch, PipelineSamples
from pipebench.records.run import RunRecord
from pipebench.records.selection import Source
from tests.builders import measured_record, steady_record


def compared(*records: RunRecord) -> ComparisonRecord:
    return compare([Source(record, Path(f"{n}.json")) for n, record in enumerate(records)])


def with_peak(record: RunRecord, peak_bytes: int) -> RunRecord:
    devices = [
        msgspec.structs.replace(device, memory=Memory(1, 1, 0, 1, peak_bytes=peak_bytes - device.device))
        for device in record.devices
    ]
    return msgspec.structs.replace(record, devices=devices)


def test_bubble_and_memory_of_an_older_record_are_one_value_and_say_so() -> None:
    one, other = (with_peak(steady_record(), peak) for peak in (1000, 2000))
    metrics = compared(one, other).metrics
    peak, bubble = metrics["peak_memory_bytes"], metrics["bubble_fraction"]
    assert (peak.reference, peak.candidate, peak.change) == (1000.0, 2000.0, pytest.approx(1.0))
    assert bubble.reference == pytest.approx(1 - 12 / (2 * 9.5))
    for each in (peak, bubble):
        assert (each.verdict, each.reason) == ("inconclusive", "too-few-launches")
        assert each.note is not None
        assert each.note.startswith("an older record has one value")


def with_busy(record: RunRecord, share: float, peak_bytes: int) -> RunRecord:
    """Two devices that work ``share`` of each step, a little more from launch to launch."""

    def busy(launch: Launch, number: int) -> Launch:
        work = [(share + 0.001 * (number % 3)) * 2 * step for step in launch.pipeline.step_s]
        pipeline = PipelineSamples(launch.pipeline.step_s, work)
        return msgspec.structs.replace(launch, pipeline=pipeline, peaks_bytes=[peak_bytes, 1])

    return msgspec.structs.replace(
        record, launches=[busy(launch, number) for number, launch in enumerate(record.launches)]
    )


def test_bubble_and_memory_by_launch_have_verdicts() -> None:
    reference = with_busy(steady_record(), 0.6, 1000)
    idler = compared(reference, with_busy(steady_record(), 0.5, 1100)).metrics
    assert idler["bubble_fraction"].verdict == idler["peak_memory_bytes"].verdict == "regression"
    assert idler["bubble_fraction"].change == pytest.approx(0.5 / 0.4 - 1, rel=0.01)
    assert idler["peak_memory_bytes"].change == pytest.approx(0.1)
    alike = compared(reference, reference).metrics
    assert alike["bubble_fraction"].verdict == alike["peak_memory_bytes"].verdict == "same"


def test_pipelines_that_never_wait_have_the_same_bubble() -> None:
    full = measured_record([replace_busy(each, 1.0) for each in steady_record().launches])
    metric = compared(full, full).metrics["bubble_fraction"]
    assert (metric.verdict, metric.reason, metric.reference, metric.change) == ("same", None, 0.0, None)
    half = measured_record([replace_busy(each, 0.5) for each in steady_record().launches])
    metric = compared(full, half).metrics["bubble_fraction"]
    assert (metric.verdict, metric.reason) == ("inconclusive", "not-above-zero")


def replace_busy(launch: Launch, share: float) -> Launch:
    work = [share * 2 * step for step in launch.pipeline.step_s]
    return msgspec.structs.replace(launch, pipeline=PipelineSamples(launch.pipeline.step_s, work))
