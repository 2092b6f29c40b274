"""Runs that another program measured are compared by the rules that runs are compared by, each one launch."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from pipebench.comparison import fields
from pipebench.comparison.compare import Rules, compare
from pipebench.comparison.gates import check
from pipebench.comparison.history import history
from pipebench.comparison.merging import merged
from pipebench.comparison.metrics import names_of, samples
from pipebench.comparison.sources import compared as found_by_name
from pipebench.errors import CorruptRecordError, MissingError, NotComparableError
from pipebench.records import store
from pipebench.records.comparison import ComparisonRecord
from pipebench.records.selection import Source
from pipebench.records.trace import TraceLaunch, TracePlan, TraceRecord, TraceStep
from pipebench.render.comparison.markdown import markdown
from pipebench.render.comparison.page import page
from pipebench.render.comparison.spreadsheet import spreadsheet
from tests.builders import steady_record
from tests.guard.launches import record as command
from tests.trace_records import planned, trace_record


def four(first: int, factor: float = 1.0) -> TraceRecord:
    found = merged([trace_record(first + n, factor) for n in range(4)], "merged")
    assert isinstance(found, TraceRecord)
    return found


def sources(*records: object) -> list[Source]:
    return [Source(each, Path(f"{n}.json")) for n, each in enumerate(records)]  # type: ignore[arg-type]


def compared(*records: TraceRecord, **rules: object) -> ComparisonRecord:
    return compare(sources(*records), Rules(**rules))  # type: ignore[arg-type]


def test_a_longer_step_of_four_runs_a_side_is_a_regression() -> None:
    found = compared(four(0), four(4, 1.1))
    assert (found.overall.verdict, found.overall.metrics) == ("regression", ["step_s"])
    assert list(found.metrics) == ["step_s", "bubble_fraction", "busy_s"]
    step = found.metrics["step_s"]
    assert (step.gated, step.threshold, step.launches) == (True, 0.03, [4, 4])
    assert step.change == pytest.approx(0.1, abs=0.01)
    assert found.metrics["bubble_fraction"].verdict == "same"
    assert not found.metrics["bubble_fraction"].gated


def test_of_equal_runs_the_verdict_is_same() -> None:
    found = check(*sources(four(4), four(0)))
    assert found.gate is not None
    assert (found.overall.verdict, found.gate.exit_code, found.warnings) == ("same", 0, [])


def test_one_run_a_side_is_inconclusive_and_says_what_it_takes() -> None:
    found = check(*sources(trace_record(4, 1.1), trace_record(0)))
    assert found.gate is not None
    assert (found.overall.verdict, found.gate.exit_code) == ("inconclusive", 4)
    step = found.metrics["step_s"]
    assert (step.reason, step.launches) == ("too-few-launches", [1, 1])
    assert step.note is not None
    assert "need >= 4 launches a record; there are 1 and 1" in step.note
    causes = [each.cause for each in found.warnings if each.code == "few-runs"]
    assert len(causes) == 2
    assert causes[1].startswith("B: its 3 recorded steps are of 1 run, and a verdict needs 4 runs a side")


def test_one_recorded_step_is_one() -> None:
    found = check(*sources(trace_record(4, 1.1), trace_record(0, steps=1)))
    causes = [each.cause for each in found.warnings if each.code == "few-runs"]
    assert causes[0].startswith("A: its 1 recorded step is of 1 run, and a verdict needs 4 runs a side")


def test_two_records_of_the_same_files_are_told_of() -> None:
    first = trace_record(0)
    found = compared(first, replace(first, id="again"))
    (same,) = [each for each in found.warnings if each.code == "same-files"]
    assert same.cause.startswith("B: its file is A's too, byte by byte")
    found = compared(four(0), four(3))
    (same,) = [each for each in found.warnings if each.code == "same-files"]
    assert same.cause.startswith("B: 1 of its 4 files are A's too")
    itself = compared(first, first)
    assert [each.code for each in itself.warnings if each.code.startswith("same")] == ["same-record"]


def test_a_bubble_is_told_by_its_parts() -> None:
    longer = four(4)
    waiting = [
        TraceLaunch([replace(step, measured_s=1.2 * step.measured_s) for step in launch.steps])
        for launch in longer.launches
    ]
    found = compared(four(0), replace(longer, launches=waiting), gates={"bubble_fraction": 0.03})
    bubble = found.metrics["bubble_fraction"]
    assert (bubble.verdict, bubble.parts) == ("regression", ["busy_s", "step_s"])
    assert bubble.explanation is not None
    assert "the busy time of a device is unchanged" in bubble.explanation
    assert "own step is 19.6 % longer" in bubble.explanation


@pytest.mark.parametrize(
    ("plan", "field"),
    [
        (TracePlan(4, 4, 8, [0, 1, 2, 3]), "plan.microbatches"),
        (TracePlan(4, 4, 4, [0, 1, 3, 2]), "plan.device_of"),
        (TracePlan(4, 4, 4, [0, 1, 2, 3], True), "plan.split_backward"),
    ],
)
def test_other_plans_are_not_compared_unless_that_is_let_pass(plan: TracePlan, field: str) -> None:
    other = replace(four(4), plan=plan)
    found = compared(four(0), other)
    assert (found.overall.verdict, [each.field for each in found.mismatches]) == ("incomparable", [field])
    passed = compared(four(0), other, allowed=frozenset({fields.named_field(field)}))
    assert (passed.overall.verdict, [each.field for each in passed.allowed]) == ("same", [field])


def test_a_field_of_runs_by_its_short_name_is_that_of_traces_too() -> None:
    other = replace(four(4), plan=TracePlan(4, 4, 8, [0, 1, 2, 3]))
    assert fields.named_field("microbatches") == "config.microbatches"
    passed = compared(four(0), other, allowed=frozenset({"config.microbatches"}))
    assert [each.field for each in passed.allowed] == ["plan.microbatches"]
    assert fields.named_field("device_of") == "plan.device_of"


def test_files_replicas_and_surroundings_drift() -> None:
    one = four(0)
    launches = [TraceLaunch([*each.steps, replace(each.steps[0], replica=1)]) for each in one.launches]
    files = [replace(each, kind="torch-profiler") for each in one.files]
    one = replace(one, plan=replace(one.plan, order="gpipe"))
    plan = replace(one.plan, order="1f1b")
    other = replace(one, plan=plan, launches=launches, files=files, environment={"python": "3.14"}, id="x")
    found = compared(one, other)
    assert {each.field: (each.reference, each.candidate) for each in found.drift} == {
        "replicas": ("1", "2"),
        "files": ("spans", "torch-profiler"),
        "plan.order": ("gpipe", "1f1b"),
        "environment.python": ("3.13", "3.14"),
    }


def test_a_trace_is_held_against_no_run_and_no_command(tmp_path: Path) -> None:
    paths = [str(store.write(each, tmp_path)) for each in (trace_record(), steady_record(), command([1.0]))]
    for other in paths[1:]:
        with pytest.raises(NotComparableError, match=r"is a trace, .* expected records of one kind"):
            found_by_name([paths[0], other], tmp_path)
    assert len(found_by_name([paths[0], paths[0]], tmp_path)) == 2


def test_what_is_said_of_a_side_is_what_was_recorded() -> None:
    found = compared(four(0), four(4, 1.1))
    told = markdown(found)
    assert "recorded run, 4 stages on 4 devices, 4 microbatches, wall clock; 12 steps from spans" in told
    assert "4 launches" in told
    assert "no interval covers what changes between sessions" in told
    assert "ab measures both" not in told
    assert "regression" in spreadsheet(found)
    assert "regression" in page(found)


def test_steps_that_no_clock_can_have_read_are_refused() -> None:
    odd = trace_record(launches=[TraceLaunch([TraceStep(0, 0, 1e-12, 1e-12, 1e-12)])])
    with pytest.raises(CorruptRecordError, match="launch 1: expected steps between 1e-09"):
        samples(odd)


def test_devices_that_never_wait_have_no_bubble() -> None:
    busy = trace_record(launches=[TraceLaunch([TraceStep(0, 0, 0.3, 0.3, 4 * 0.3)])])
    assert samples(busy)["bubble_fraction"].values == (0.0,)
    assert names_of(busy) == tuple(samples(busy))


def test_a_history_is_of_the_step_and_of_one_plan() -> None:
    runs = [trace_record(n, 1.1 if n >= 12 else 1.0) for n in range(24)]
    other = trace_record(30, plan=planned(microbatches=8))
    course = history([other, *runs])
    assert (course.metric, len(course.runs), course.other_configurations) == ("step_s", 1, 24)
    course = history(runs)
    (change,) = course.changes
    assert change.id == runs[12].id
    assert change.change == pytest.approx(0.1, abs=0.01)
    assert course.of.startswith("recorded run, 4 stages on 4 devices")
    bubbles = history(runs, "bubble_fraction")
    assert (bubbles.changes, len(bubbles.runs)) == ([], 24)


def test_a_newer_trace_hides_no_history_of_runs() -> None:
    run = steady_record(created="2026-01-01T00:00:00+00:00")
    assert [point.id for point in history([run, trace_record()], "words_per_s").runs] == [run.id]
    assert [point.id for point in history([run, trace_record()]).runs] == [trace_record().id]
    with pytest.raises(MissingError, match="has words_per_s"):
        history([trace_record()], "words_per_s")
