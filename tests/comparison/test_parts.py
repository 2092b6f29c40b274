import msgspec
import pytest

from pipebench.comparison.metrics import METRICS
from pipebench.comparison.parts import form_of, parts_of, setting_of, signed_percent
from pipebench.records.comparison import MetricName
from pipebench.records.run import CompletedRun, RunRecord
from pipebench.records.schema import WarningRecord
from pipebench.records.terms import Terms
from tests.builders import (
    STEADY_S,
    ended_run,
    launch,
    measured_record,
    steady_record,
    with_config,
)
from tests.comparison.runs import compared


def told(*records: RunRecord, metric: MetricName = "speedup", **rules: object) -> str | None:
    return compared(*records, **rules).metrics[metric].explanation


def of(alone: float, step: float) -> CompletedRun:
    """A record whose one device and whose pipeline are so many times as slow as in ``steady_record``."""
    return measured_record([launch([alone * 19.0], [step * each]) for each in STEADY_S])


@pytest.mark.parametrize("name", METRICS)
def test_every_part_is_a_metric_with_a_row_of_its_own(name: MetricName) -> None:
    for unit in ("words", "samples"):
        assert {*parts_of(name, unit=unit), *parts_of(name, unit=unit, same_items=False)} <= set(METRICS)
    assert bool(parts_of(name)) == (name in {"speedup", "efficiency", "bubble_fraction"})


def test_efficiency_says_the_same_as_the_speed_up_on_as_many_devices() -> None:
    pair = (of(1, 1), of(0.8, 1))
    assert told(*pair) == told(*pair, metric="efficiency")
    assert (told(*pair) or "").startswith("one device is 25 % faster (")


def test_records_that_cannot_be_compared_explain_nothing() -> None:
    other = with_config(of(0.8, 1), hidden=7)
    assert told(of(1, 1), other) is None
    assert told(of(1, 1), ended_run(of(0.8, 1))) is None


def test_steps_of_other_words_are_held_against_each_other_by_words() -> None:
    """Twice the words in twice the time is no longer step of the pipeline's own."""
    twice = of(2 * 0.8, 2.0)
    assert twice.config.input is not None
    words = msgspec.structs.replace(twice.config.input, words_per_step=1024.0)
    text = told(of(1, 1), with_config(twice, input=words), allowed=frozenset({"config.input.items_per_step"}))
    assert text is not None
    assert text.startswith("one device is 25 % faster (")
    assert "; the pipeline itself is unchanged (0.0 %)" in text


def test_a_gate_in_which_nothing_moved_is_not_explained() -> None:
    assert told(of(1, 1), of(1.001, 1)) is None
    assert told(of(1, 1), of(1, 1)) is None


def test_a_bubble_without_busy_times_has_no_explanation() -> None:
    """It has one value a record then, and no verdict; its note says so."""
    metrics = compared(of(1, 1), of(1, 2), gates={"bubble_fraction": 0.03}).metrics
    assert metrics["bubble_fraction"].verdict == "inconclusive"
    assert metrics["bubble_fraction"].explanation is None


def test_a_form_is_named_with_its_slices() -> None:
    record = steady_record()
    sliced = msgspec.structs.replace(record.baseline, kind="chain-microbatches", microbatches=2)
    assert form_of(record) == "fused"
    assert form_of(msgspec.structs.replace(record, baseline=sliced)) == "chain-microbatches x 2"
    assert setting_of(record) == (2, 512.0, "fused", Terms("words", 1))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (0.25, "+25.0"),
        (-0.2, "-20.0"),
        (0.0001, "0.0"),
        (-0.0001, "0.0"),
        (12.5, "+1,250.0"),
        (250, "+2e+04"),
    ],
)
def test_a_change_is_written_short(change: float, text: str) -> None:
    assert signed_percent(change) == text


def test_a_varied_form_of_one_device_s_step_is_warned_of() -> None:
    warning = WarningRecord("baseline-varied", cause="\x1b[31mforeign", next_step="x")
    varied = msgspec.structs.replace(of(1, 1), warnings=[warning])
    (found,) = [each for each in compared(of(1, 1.001), varied).warnings if each.code == "baseline-varied"]
    assert found.cause.startswith("B: its launches did not all find the same form")
