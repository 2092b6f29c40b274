"""Verdicts on whole records."""

import json
from pathlib import Path
from random import Random

import msgspec
import pytest

from pipebench.comparison.compare import compare, label_of
from pipebench.comparison.overall import comparisons_of
from pipebench.records.comparison import ComparisonRecord
from pipebench.records.figures import Speedup
from pipebench.records.schema import WarningRecord
from pipebench.records.selection import Source
from tests.builders import completed_record, launch, measured_record, noisy_launches
from tests.comparison.runs import STEADY, compared, launches, scaled


def test_the_same_record_twice_is_the_same_and_told_to_be_one() -> None:
    record = measured_record(scaled(1.0))
    found = compared(record, record)
    assert found.overall.verdict == "same"
    assert found.metrics["words_per_s"].change == 0.0
    assert [warning.code for warning in found.warnings] == ["same-record"]


def test_a_slower_pipeline_regresses_in_every_metric_of_its_own() -> None:
    found = compared(measured_record(scaled(1.0)), measured_record(scaled(1.1)))
    assert found.overall.verdict == "regression"
    assert found.overall.metrics == ["words_per_s", "speedup"]
    words, step = found.metrics["words_per_s"], found.metrics["step_s"]
    assert words.change == pytest.approx(1 / 1.1 - 1)
    assert step.change == pytest.approx(0.1)
    assert {found.metrics[name].verdict for name in ("words_per_s", "speedup", "step_s", "efficiency")} == {
        "regression"
    }
    assert words.low is not None
    assert words.high is not None
    assert words.low < words.change < words.high < 0
    assert words.threshold == 0.03


def test_a_faster_pipeline_is_an_improvement() -> None:
    found = compared(measured_record(scaled(1.0)), measured_record(scaled(0.9)))
    assert found.overall.verdict == "improvement"
    assert found.metrics["step_s"].verdict == "improvement"


def test_a_slower_host_slows_words_but_not_the_speed_up() -> None:
    slow = [launch([19.0 * 1.1], [1.1 * step]) for step in STEADY]
    found = compared(measured_record(scaled(1.0)), measured_record(slow))
    assert found.metrics["words_per_s"].verdict == "regression"
    assert found.metrics["speedup"].verdict == "same"
    assert (found.overall.verdict, found.overall.metrics) == ("regression", ["words_per_s"])


def test_a_baseline_that_got_faster_is_a_regression_of_the_speed_up_alone() -> None:
    found = compared(measured_record(scaled(1.0)), measured_record(launches(STEADY, baseline_s=17.0)))
    assert found.metrics["words_per_s"].verdict == "same"
    assert found.metrics["speedup"].verdict == "regression"


def test_figures_come_from_the_samples_whatever_the_summary_says() -> None:
    honest = measured_record(scaled(1.0))
    flattered = msgspec.structs.replace(
        measured_record(scaled(1.1)),
        speedup=honest.speedup,
        pipeline=honest.pipeline,
        efficiency=honest.efficiency,
    )
    found = compared(honest, flattered)
    assert found.overall.verdict == "regression"
    told = [warning.cause for warning in found.warnings if warning.code == "contradiction"]
    assert any(cause.startswith("B: pipeline.step_s is 9.49") for cause in told)
    assert len(told) == 6


def test_a_worse_summary_over_equal_samples_changes_nothing() -> None:
    record = measured_record(scaled(1.0))
    slandered = msgspec.structs.replace(record, speedup=Speedup(1.0, 0.9, 1.1))
    found = compared(record, slandered)
    assert found.overall.verdict == "same"
    assert {warning.code for warning in found.warnings} == {"contradiction"}


@pytest.mark.parametrize("number", [1, 2, 3])
def test_fewer_than_4_launches_are_never_more_than_inconclusive(number: int) -> None:
    for factor in (0.5, 1.0, 2.0):
        few = measured_record(launches([factor * step for step in STEADY[:number]]))
        words = compared(measured_record(scaled(1.0)), few).metrics["words_per_s"]
        assert (words.verdict, words.reason) == ("inconclusive", "too-few-launches")
        assert words.note is not None
        assert words.note.startswith("need >= 4 launches a record")
        assert words.note.endswith(f"there are 6 and {number}")


def test_4_launches_are_enough_where_noise_is_low() -> None:
    four = [measured_record(launches([factor * step for step in STEADY[:4]])) for factor in (1.0, 1.0, 1.1)]
    found = compared(*four)
    assert [pair.overall.verdict for pair in comparisons_of(found)] == ["same", "regression"]
    assert found.overall.verdict == "regression"  # the worst of all


def test_a_wide_interval_is_inconclusive_and_says_how_many_launches_it_takes() -> None:
    noisy = [measured_record(noisy_launches(Random(seed), log_sd=0.04)) for seed in (1, 2)]
    words = compared(*noisy).metrics["words_per_s"]
    assert (words.verdict, words.reason) == ("inconclusive", "wide-interval")
    assert words.note is not None
    assert words.note.startswith("need >")
    assert words.detectable is not None
    assert words.detectable > 0.05


def test_an_interval_that_straddles_the_threshold_is_inconclusive() -> None:
    """2 % slower for certain: worse than 0, and not proven to be within 3 %."""
    noisy = [1.02 * step * factor for step, factor in zip(STEADY, [0.98, 1.02] * 3, strict=True)]
    step = compared(measured_record(scaled(1.0)), measured_record(launches(noisy))).metrics["step_s"]
    assert (step.verdict, step.reason) == ("inconclusive", "wide-interval")


def test_a_small_certain_change_is_the_same() -> None:
    step = compared(measured_record(scaled(1.0)), measured_record(scaled(1.01))).metrics["step_s"]
    assert step.verdict == "same"


DOUBTFUL = {
    "drift": [9.3, 9.35, 9.41, 9.45, 9.5, 9.56],
    "bimodal": [9.3, 9.3, 9.7, 9.31, 9.71, 9.69],
}


@pytest.mark.parametrize("reason", DOUBTFUL)
def test_launches_that_are_no_replicates_make_same_inconclusive(reason: str) -> None:
    doubtful = measured_record(launches(DOUBTFUL[reason]))
    words = compared(doubtful, doubtful).metrics["words_per_s"]
    assert (words.verdict, words.reason) == ("inconclusive", reason)


@pytest.mark.parametrize("reason", DOUBTFUL)
def test_launches_that_are_no_replicates_hide_no_regression(reason: str) -> None:
    slow = measured_record(launches([1.2 * step for step in DOUBTFUL[reason]]))
    found = compared(measured_record(scaled(1.0)), slow)
    assert found.metrics["words_per_s"].verdict == "regression"
    assert reason in {warning.code for warning in found.warnings}


@pytest.mark.parametrize("reason", ["throttled", "page-faults"])
@pytest.mark.parametrize(
    ("factor", "verdict"), [(0.9, "inconclusive"), (1.0, "inconclusive"), (1.1, "regression")]
)
def test_what_disturbed_a_run_takes_back_good_verdicts_only(reason: str, factor: float, verdict: str) -> None:
    changes = {"warnings": [WarningRecord("throttled", "hot", "cool")]} if reason == "throttled" else {}
    samples = scaled(factor)
    if reason == "page-faults":
        samples[2] = msgspec.structs.replace(samples[2], page_faults=10_000)
    found = compared(measured_record(scaled(1.0)), measured_record(samples, **changes))
    assert found.overall.verdict == verdict
    assert found.metrics["speedup"].reason == (reason if verdict == "inconclusive" else None)
    assert reason in {warning.code for warning in found.warnings}


def test_each_further_record_is_compared_with_the_first() -> None:
    found = compared(*(measured_record(scaled(factor)) for factor in (1.0, 1.1, 0.9)))
    assert [pair.overall.verdict for pair in comparisons_of(found)] == ["regression", "improvement"]
    assert [pair.candidate.label for pair in comparisons_of(found)] == ["B", "C"]
    assert found.reference.label == "A"


def test_records_have_the_labels_of_columns() -> None:
    assert [label_of(number) for number in (0, 1, 25, 26, 27, 52)] == ["A", "B", "Z", "AA", "AB", "BA"]


def test_what_a_folder_passed_over_and_a_busy_host_are_told() -> None:
    record = measured_record(scaled(1.0))
    busy = [msgspec.structs.replace(each, wall_per_cpu=1.3) for each in record.launches]
    sources = [
        Source(record, Path("a")),
        Source(msgspec.structs.replace(record, launches=busy, id="x"), Path("b"), 2),
    ]
    causes = {warning.code: warning.cause for warning in compare(sources).warnings}
    assert causes["cpu-contention"].startswith("B: a launch took 1.30x its CPU time by the wall clock: ")
    assert causes["passed-over"].startswith("B: newer records beside it were passed over: 2")


def test_one_launch_that_carries_a_regression_is_told() -> None:
    """Four launches a side that overlap by one: the rank test has p = 4 / 70."""
    reference, candidate = [9.5, 9.5, 9.51, 9.8], [9.79, 10.0, 10.01, 10.02]
    found = compared(measured_record(launches(reference)), measured_record(launches(candidate)))
    assert found.metrics["step_s"].rank_p_value == pytest.approx(4 / 70)
    assert [warning.code for warning in found.warnings] == ["rank-test"] * 4


def test_a_comparison_survives_its_schema() -> None:
    found = compared(*(measured_record(scaled(factor)) for factor in (1.0, 1.1, 0.9)))
    document = msgspec.json.encode(found)
    assert msgspec.json.decode(document, type=ComparisonRecord) == found
    values = json.loads(document)
    assert values["kind"] == "comparison"
    assert set(values["metrics"]) == {
        *("words_per_s", "throughput", "baseline_words_per_s", "baseline_throughput"),
        *("speedup", "step_s", "efficiency"),
        *("bubble_fraction", "busy_s", "peak_memory_bytes"),
    }
    for metric in values["metrics"].values():
        assert {"verdict", "reason", "change", "low", "high", "threshold"} <= set(metric)


def test_a_record_of_two_launches_compares_as_any_other() -> None:
    found = compared(completed_record(), completed_record())
    assert found.metrics["words_per_s"].note == "need >= 4 launches a record at this noise; there are 2 and 2"
