"""Commands are compared by the rules that runs are compared by."""

from pathlib import Path

import pytest

from pipebench.comparison import fields
from pipebench.comparison.compare import Rules, compare
from pipebench.comparison.metrics import LARGEST, METRICS, metric_named, names_of, samples
from pipebench.errors import CorruptRecordError
from pipebench.guard.metric import metric_named as field_named
from pipebench.records.command import CommandLaunch, CommandRecord
from pipebench.records.comparison import ComparisonRecord
from pipebench.records.selection import Source
from pipebench.records.terms import terms_of
from pipebench.render.comparison.markdown import markdown
from tests.builders import steady_record
from tests.guard.launches import record

STEADY = [1.0, 1.01, 0.99, 1.0]
SLOWER = [1.1 * value for value in STEADY]


def compared(*records: CommandRecord, **rules: object) -> ComparisonRecord:
    sources = [Source(each, Path(f"{n}.json")) for n, each in enumerate(records)]
    return compare(sources, Rules(**rules))  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["step_s", "tokens_per_s", "loss", *METRICS])
def test_a_metric_may_have_any_name_and_is_no_metric_of_ours(field: str) -> None:
    found = compared(record(STEADY, field), record(SLOWER, field))
    better = "improvement" if field.endswith("_per_s") else "regression"
    assert (found.overall.verdict, list(found.metrics), found.metrics[field].parts) == (better, [field], [])
    assert found.metrics[field].change == pytest.approx(0.1)
    assert metric_named(field, found.terms).title(found.terms) == field


def test_the_statistics_are_those_of_runs() -> None:
    """The same launches give the same interval and the same p-value, whichever record they are in."""
    one, other = steady_record(), steady_record(1.05)
    runs = compare([Source(one, Path("a")), Source(other, Path("b"))]).metrics["step_s"]
    steps = [samples(each)["step_s"].values for each in (one, other)]
    commands = compared(*(record(values) for values in steps)).metrics["step_s"]
    for name in ("verdict", "change", "low", "high", "p_value", "rank_p_value", "launches"):
        assert getattr(commands, name) == getattr(runs, name)


def test_what_is_not_one_command_is_not_compared() -> None:
    base = record(STEADY)
    for changes, field in (
        ({"command": ["other"]}, "command"),
        ({"skip": 2}, "skip"),
        ({"metric": field_named("loss")}, "metric.field"),
        ({"metric": field_named("step_s", higher_is_better=True)}, "metric.better"),
    ):
        found = compared(base, record(STEADY, **changes))
        assert (found.overall.verdict, [each.field for each in found.mismatches]) == ("incomparable", [field])
        passed = compared(base, record(STEADY, **changes), allowed=frozenset({field}))
        assert (passed.overall.verdict == "incomparable") == field.startswith("metric.")


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("cpu_model", "x", "y"),
        ("cpus_allowed", 8, 64),
        ("cpu_quota_cores", None, 2.0),
        ("gpus", "8 x NVIDIA A100", "8 x NVIDIA H100"),
        ("gpus", None, "1 x NVIDIA H100"),
    ],
)
def test_commands_of_two_machines_are_not_compared(name: str, one: object, other: object) -> None:
    records = record(STEADY, environment={name: one}), record(SLOWER, environment={name: other}, id="x")
    found = compared(*records)
    assert [each.field for each in found.mismatches] == [f"environment.{name}"]
    assert (found.overall.verdict, found.drift) == ("incomparable", [])
    passed = compared(*records, allowed=frozenset({fields.named_field(name)}))
    assert (passed.overall.verdict, len(passed.allowed)) == ("regression", 1)


def test_what_a_record_does_not_tell_of_its_machine_is_no_difference() -> None:
    told = {"cpu_model": "x", "cpus_allowed": 8, "gpus": "1 x NVIDIA H100"}
    found = compared(record(STEADY, environment={"cpu_model": "x"}), record(SLOWER, environment=told, id="x"))
    assert (found.overall.verdict, found.mismatches, found.drift) == ("regression", [], [])


def test_surroundings_and_variables_drift() -> None:
    found = compared(
        record(STEADY, environment={"commit": "a", "cpu_model": "x", "load_average_1min": 0.1}),
        record(
            STEADY, environment={"commit": "b", "cpu_model": "x", "load_average_1min": 9.0}, variables=["X"]
        ),
    )
    names = {"variables", "environment.commit", "environment.load_average_1min"}
    assert {each.field for each in found.drift} == names


def test_a_run_and_a_command_differ_in_their_kind() -> None:
    assert "kind" in [each.field for each in fields.mismatches(steady_record(), record(STEADY))]


def test_doubts_are_looked_for() -> None:
    rising = [1.0 + 0.02 * n for n in range(8)]
    found = compared(record(rising), record(rising, id="x"))
    assert (found.overall.verdict, {each.code for each in found.warnings}) == ("inconclusive", {"drift"})


def test_different_numbers_of_values_are_told() -> None:
    few = [CommandLaunch("2026-11-26T00:00:00+00:00", 1.0, [3.0, value], 1) for value in STEADY]
    found = compared(record(STEADY), record([], launches=few, id="x"))
    (warning,) = found.warnings
    assert (warning.code, found.overall.verdict) == ("samples-differ", "same")
    assert warning.cause == "a launch of the reference printed 3 values, one of the candidate 2"
    assert "fixed time" in warning.next_step
    assert "samples-differ" in markdown(found)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([1.3, 1.0, 1.01, 1.0], "B: launch 1 is 1.3 times the median of the others, which lie within 5 %"),
        ([1.0, 1.0, 1.01, 0.7], "B: launch 4 is 0.7 times"),
        ([1.1, 1.0, 1.01, 1.0], None),
        ([1.3, 1.0, 1.1, 1.0], None),
        ([1.3, 1.0, 1.0], None),
    ],
)
def test_a_launch_far_from_the_others_is_told(values: list[float], told: str | None) -> None:
    found = [
        each
        for each in compared(record(STEADY), record(values, id="x")).warnings
        if each.code == "launch-apart"
    ]
    assert [each.cause.startswith(told) for each in found if told] == [True] * len(found)
    assert len(found) == (told is not None)
    assert all(("--warm-launches 1" in each.next_step) == ("launch 1 " in each.cause) for each in found)


def test_few_launches_are_inconclusive() -> None:
    assert compared(record([1.0] * 3), record([2.0] * 3)).metrics["step_s"].reason == "too-few-launches"


def test_what_was_not_completed_is_missing() -> None:
    found = compared(record(STEADY), record([], status="failed"))
    assert found.overall.verdict == "missing"


def test_values_beyond_all_measure_are_refused() -> None:
    with pytest.raises(CorruptRecordError, match="launch 1: expected values of step_s between"):
        samples(record([10 * LARGEST] * 4))


def test_the_names_of_a_record() -> None:
    assert names_of(record(STEADY, "loss")) == ("loss",)
    assert names_of(steady_record()) == tuple(METRICS)
    assert terms_of(record(STEADY, "tokens_per_s")).better == "higher"
