from random import Random

import msgspec
import pytest

from pipebench.comparison.doubts import concerning, doubts
from pipebench.comparison.metrics import METRICS, samples
from pipebench.records.run import RunRecord
from pipebench.records.schema import WarningRecord
from tests.builders import ended_run, launch, measured_record, noisy_launches, steady_record

THRESHOLDS = dict.fromkeys(METRICS, 0.03)


def codes(record: RunRecord, threshold: float = 0.03) -> list[tuple[str, str | None]]:
    found = doubts(record, samples(record), dict.fromkeys(METRICS, threshold))
    return [(doubt.code, doubt.metric) for doubt in found]


def of_steps(*pipeline_s: float) -> RunRecord:
    return measured_record([launch([19.0], [step]) for step in pipeline_s])


def test_steady_launches_raise_no_doubt() -> None:
    assert codes(steady_record()) == []


def test_a_run_that_saw_throttling_says_so_itself() -> None:
    record = steady_record(
        warnings=[WarningRecord("throttled", "hot", "cool"), WarningRecord("imbalance", "", "")]
    )
    assert codes(record) == [("throttled", None)]


@pytest.mark.parametrize(("faults", "doubtful"), [(6000, False), (6002, True), (None, False)])
def test_page_faults_are_counted_by_step_of_either_kind(faults: int | None, doubtful: bool) -> None:
    record = steady_record()
    launches = [*record.launches[1:], msgspec.structs.replace(record.launches[0], page_faults=faults)]
    assert codes(msgspec.structs.replace(record, launches=launches)) == (
        [("page-faults", None)] if doubtful else []
    )


def test_a_trend_is_drift_where_it_is_certain_and_matters() -> None:
    rising = of_steps(9.3, 9.35, 9.41, 9.45, 9.5, 9.56)
    assert codes(rising) == [("drift", "words_per_s"), ("drift", "speedup")]
    assert codes(rising, threshold=0.10) == []
    assert codes(of_steps(9.5, 9.3, 9.56, 9.35, 9.45, 9.41)) == []


def test_two_clusters_are_bimodal_where_they_matter() -> None:
    split = of_steps(9.3, 9.7, 9.31, 9.71, 9.3, 9.7)
    assert codes(split) == [("bimodal", "words_per_s"), ("bimodal", "speedup")]
    assert codes(split, threshold=0.10) == []


def test_a_doubt_concerns_the_metrics_of_its_samples() -> None:
    record = steady_record()
    host = [launch([factor * 19.0], [factor * 9.5]) for factor in (1.0, 1.01, 1.02, 1.031, 1.04, 1.05)]
    drifting = msgspec.structs.replace(record, launches=host)
    found = samples(drifting)
    all_doubts = doubts(drifting, found, THRESHOLDS)
    assert [doubt.metric for doubt in all_doubts] == ["words_per_s", "baseline_words_per_s"]
    of_the_pipeline, of_one_device = ([doubt] for doubt in all_doubts)
    assert concerning(all_doubts, "step_s", found) == of_the_pipeline
    assert concerning(all_doubts, "words_per_s", found) == of_the_pipeline
    assert concerning(all_doubts, "baseline_words_per_s", found) == of_one_device
    assert concerning(all_doubts, "speedup", found) == []


def test_an_incomplete_run_raises_none() -> None:
    record = ended_run(steady_record())
    assert codes(record) == []


@pytest.mark.parametrize("number", [4, 6, 12])
def test_normal_launches_raise_doubt_in_3_percent_of_records_at_most(number: int) -> None:
    random, template = Random(number), steady_record()
    found = sum(
        bool(codes(msgspec.structs.replace(template, launches=noisy_launches(random, number, log_sd=0.01))))
        for _ in range(500)
    )
    assert found <= 0.03 * 500
