"""The rules of a comparison: what must match, what is let pass, which metrics count, and what a study varies."""

from random import Random

import msgspec
import pytest

from pipebench.plan.device_kind import DeviceKind
from tests.builders import ended_run, measured_record, noisy_launches, with_config
from tests.comparison.runs import compared, scaled


def test_records_that_differ_in_what_must_match_are_incomparable_in_every_metric() -> None:
    record = measured_record(scaled(1.0))
    found = compared(record, with_config(record, hidden=64, dtype="float64"))
    assert found.overall.verdict == "incomparable"
    words = found.metrics["words_per_s"]
    assert (words.verdict, words.reason) == ("incomparable", "config.hidden, config.dtype")
    assert (words.change, words.low, words.p_value) == (None, None, None)
    assert words.candidate is not None
    assert [(each.reference, each.candidate) for each in found.mismatches] == [
        ("32", "64"),
        ("float32", "float64"),
    ]


def test_a_mismatch_that_is_let_pass_is_compared_and_stays_visible() -> None:
    record = measured_record(scaled(1.0))
    found = compared(record, with_config(record, hidden=64), allowed=frozenset({"config.hidden"}))
    assert found.overall.verdict == "same"
    assert found.mismatches == []
    assert [each.field for each in found.allowed] == ["config.hidden"]


def test_virtual_and_wall_never_mix_whatever_is_allowed() -> None:
    record = measured_record(scaled(1.0))
    real = msgspec.structs.replace(
        record, clock="wall", machine=None, device=msgspec.structs.replace(record.device, kind=DeviceKind.CPU)
    )
    allowed = frozenset({"clock", "device.kind", "machine.name"})
    found = compared(record, real, allowed=allowed)
    assert found.overall.verdict == "incomparable"
    assert found.metrics["speedup"].reason == "clock"
    assert [each.field for each in found.allowed] == ["device.kind", "machine.name"]


def test_a_metric_that_was_not_measured_is_missing() -> None:
    record = measured_record(scaled(1.0))
    found = compared(record, record, gates={"peak_memory_bytes": 0.03})
    assert found.overall.verdict == "missing"
    assert found.metrics["peak_memory_bytes"].reason == "not in A, not in B"
    assert found.metrics["words_per_s"].gated is False


def test_a_run_that_was_not_completed_has_no_metrics() -> None:
    record = measured_record(scaled(1.0))
    aborted = ended_run(record)
    found = compared(record, aborted)
    assert found.overall.verdict == "missing"
    assert {each.reason for each in found.metrics.values() if each.gated} == {"not in B (aborted)"}


def test_gates_choose_what_counts_and_how_much() -> None:
    pair = measured_record(scaled(1.0)), measured_record(scaled(1.06))
    assert compared(*pair).overall.verdict == "regression"
    loose = compared(*pair, gates={"words_per_s": 0.10})
    assert loose.overall.verdict == "same"
    assert [name for name, each in loose.metrics.items() if each.gated] == ["words_per_s"]


def test_metrics_that_ask_one_question_count_once_for_holm() -> None:
    pair = [
        measured_record(noisy_launches(Random(seed), slower=slower)) for seed, slower in ((1, 1.0), (2, 1.02))
    ]
    both = compared(*pair, gates={"words_per_s": 0.03, "step_s": 0.03}).metrics
    assert both["step_s"].adjusted_p_value == pytest.approx(both["step_s"].p_value)
    two = compared(*pair).metrics
    smaller = min(("words_per_s", "speedup"), key=lambda name: two[name].p_value or 1.0)
    assert two[smaller].adjusted_p_value == pytest.approx(min(1.0, 2 * (two[smaller].p_value or 1.0)))
    assert two["step_s"].adjusted_p_value == two["words_per_s"].adjusted_p_value
    assert two["efficiency"].adjusted_p_value == two["speedup"].adjusted_p_value


def test_a_study_varies_its_schedule_and_its_slices() -> None:
    record = measured_record(scaled(1.0))
    other = with_config(record, schedule="wavefront", microbatches=4, chunks=8)
    assert compared(record, other).overall.verdict == "incomparable"
    assert compared(record, other, by="schedule").overall.verdict == "same"
    assert compared(record, other, by="gpus").overall.verdict == "incomparable"


def test_a_study_of_device_counts_compares_efficiencies_of_different_counts() -> None:
    record = measured_record(scaled(1.0))
    device = msgspec.structs.replace(record.device, count=4, names=["A CPU"] * 4)
    other = with_config(
        measured_record(scaled(0.5), device=device, efficiency=1.0),
        gpus=4,
        partition=[1, 1, 0, 0],
        launches=6,
    )
    found = compared(record, other, by="gpus")
    assert found.metrics["speedup"].change == pytest.approx(1.0)
    assert found.metrics["efficiency"].change == pytest.approx(0.0, abs=1e-9)
    assert found.metrics["efficiency"].verdict == "same"
    assert found.drift == []
