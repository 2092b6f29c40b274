from pathlib import Path

import msgspec
import pytest

from pipebench.comparison.compare import Rules, compare
from pipebench.records.figures import Speedup
from pipebench.records.launches import PipelineSamples
from pipebench.records.run import RunRecord
from pipebench.records.schema import WarningRecord
from pipebench.records.selection import Source
from tests.builders import ended_run, measured_record, own_record, steady_record


def warnings(*records: RunRecord, **rules: object) -> dict[str, str]:
    sources = [Source(record, Path(f"{n}.json")) for n, record in enumerate(records)]
    found = compare(sources, Rules(**rules)).warnings  # type: ignore[arg-type]
    return {each.code: f"{each.cause} -> {each.next_step}" for each in found}


def test_what_a_run_says_of_itself_is_held_against_its_samples_if_it_was_completed() -> None:
    lying = steady_record(speedup=Speedup(9.0, None, None))
    assert "speedup.value is 9" in warnings(steady_record(), lying)["contradiction"]
    assert "contradiction" not in warnings(steady_record(), ended_run(lying))


@pytest.mark.parametrize(
    ("record", "rate"), [(steady_record(id="x"), "words/s"), (own_record(id="x"), "samples/s")]
)
def test_what_to_trust_is_named_by_what_is_counted(record: RunRecord, rate: str) -> None:
    varied = msgspec.structs.replace(record, warnings=[WarningRecord("baseline-varied", "x", "y")])
    assert f"trust {rate} more than the speed-up" in warnings(record, varied)["baseline-varied"]


def test_what_a_speed_up_is_relative_to_never_passes_and_whoever_asks_is_told() -> None:
    found = warnings(own_record(), own_record(devices=2), allowed=frozenset({"baseline.devices"}))
    assert "no option lets that pass" in found["baseline-never-passes"]
    assert "baseline-never-passes" not in warnings(own_record(), own_record(devices=2))


def test_a_metric_of_two_names_is_remarked_on_once() -> None:
    steps = (14.0, 14.1, 9.3, 13.9, 14.2, 14.0)
    record = steady_record()
    launches = [
        msgspec.structs.replace(each, pipeline=PipelineSamples([step]))
        for each, step in zip(record.launches, steps, strict=True)
    ]
    found = compare([Source(record, Path("x")), Source(measured_record(launches), Path("y"))])
    causes = [each.cause for each in found.warnings if each.code == "rank-test"]
    assert len([cause for cause in causes if cause.startswith("words/s: ")]) == 1
