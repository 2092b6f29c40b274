"""Verdicts on records that count something else than words, or whose baseline is on several devices."""

import json
from collections.abc import Callable

import msgspec
import pytest

from pipebench.records.comparison import ComparisonRecord
from pipebench.records.run import RunRecord
from pipebench.records.terms import Terms
from tests.builders import ended_run, own_record, steady_record
from tests.comparison.runs import compared


def test_the_default_gates_go_by_what_is_counted() -> None:
    def gated(*records: RunRecord) -> list[str]:
        return [name for name, each in compared(*records).metrics.items() if each.gated]

    assert gated(steady_record(), steady_record(1.1)) == ["words_per_s", "speedup"]
    assert gated(own_record(), own_record(1.1)) == ["throughput", "speedup"]
    assert gated(own_record(), steady_record()) == ["throughput", "speedup"]


def test_words_are_no_metric_of_what_counts_something_else() -> None:
    found = compared(own_record(), own_record(1.1))
    assert not {"words_per_s", "baseline_words_per_s"} & found.metrics.keys()
    assert found.overall.verdict == "regression"
    assert found.terms == Terms("samples", 1)
    assert found.metrics["speedup"].parts == ["baseline_throughput", "step_s"]
    assert "one device is unchanged" in (found.metrics["speedup"].explanation or "")


def test_words_that_are_asked_for_and_not_counted_are_missing_with_what_to_ask_for() -> None:
    words = compared(own_record(), own_record(), gates={"words_per_s": 0.03}).metrics["words_per_s"]
    assert (words.verdict, words.gated) == ("missing", True)
    assert words.reason == "not in A, which counts samples, not in B, which counts samples"
    assert words.note == "gate on throughput, which every run has"


def test_an_aborted_run_of_an_own_model_lacks_throughput_and_no_words() -> None:
    aborted = ended_run(own_record(), speedup=None, baseline=None, pipeline=None)
    found = compared(own_record(), aborted)
    assert (found.overall.verdict, found.overall.metrics) == ("missing", ["throughput", "speedup"])
    assert found.mismatches == []
    assert "words_per_s" not in found.metrics


@pytest.mark.parametrize("unit_of", [steady_record, own_record])
def test_names_are_no_questions(unit_of: Callable[[float], RunRecord]) -> None:
    """Whatever a metric is called, and seconds a step with it, its test is one."""
    records = unit_of(1.0), unit_of(1.02)
    alone = compared(*records, gates={"throughput": 0.01}).metrics["throughput"]
    rates = ("throughput", "words_per_s", "step_s")
    several = compared(*records, gates=dict.fromkeys(rates, 0.01)).metrics["throughput"]
    for figure in ("adjusted_p_value", "detectable"):
        assert getattr(several, figure) == pytest.approx(getattr(alone, figure), rel=1e-9)
    assert several.adjusted_p_value == pytest.approx(several.p_value, rel=1e-9)


def test_one_threshold_holds_for_both_names() -> None:
    found = compared(steady_record(), steady_record(1.1), gates={"throughput": 0.3}).metrics
    assert found["words_per_s"].threshold == found["throughput"].threshold == 0.3
    assert found["words_per_s"].verdict == found["throughput"].verdict == "same"
    assert not found["words_per_s"].gated


def test_speed_ups_over_other_baselines_are_not_comparable() -> None:
    found = compared(own_record(), own_record(devices=2), allowed=frozenset({"baseline.devices"}))
    assert found.overall.verdict == "incomparable"
    same = compared(own_record(devices=2), own_record(1.1, devices=2))
    assert same.overall.verdict == "regression"
    assert "the baseline on 2 devices is unchanged" in (same.metrics["speedup"].explanation or "")


def test_a_comparison_of_before_there_were_units_counts_words() -> None:
    values = json.loads(msgspec.json.encode(compared(steady_record(), steady_record(1.1))))
    for side in ("reference", "candidate"):
        del values[side]["unit"], values[side]["baseline_devices"]
    for name in ("throughput", "baseline_throughput"):
        del values["metrics"][name]
    older = msgspec.json.decode(json.dumps(values).encode(), type=ComparisonRecord)
    assert older.terms == Terms("words", 1)
