import msgspec
import pytest

from pipebench.comparison.contradictions import contradictions
from pipebench.comparison.merging import check_alike, merged
from pipebench.comparison.metrics import samples
from pipebench.errors import EnvironmentRefusedError
from pipebench.records import documents
from pipebench.records.command import CommandRecord
from pipebench.records.figures import Candidate, Verification
from pipebench.records.run import CompletedRun
from pipebench.records.schema import Failure, WarningRecord
from pipebench.records.trace import OtherTotal, TracePlan, TraceRecord, bubble_of
from tests.ab.launches import one_launch
from tests.builders import own_record, with_config
from tests.guard.launches import record as command
from tests.trace_records import planned, trace_record

STEPS = [(19.0, 9.5), (19.2, 9.7), (18.9, 9.4)]
LAUNCHES = [one_launch(*steps) for steps in STEPS]


def won(record: CompletedRun, kind: str, microbatches: int = 1) -> CompletedRun:
    form = msgspec.structs.replace(record.baseline, kind=kind, microbatches=microbatches)
    return msgspec.structs.replace(record, baseline=form)


def test_all_launches_are_there_in_order_and_the_figures_are_theirs() -> None:
    record = merged(LAUNCHES, "A", environment={"commit": "f" * 40})
    assert [launch.pipeline.step_s[0] for launch in record.launches] == [steps[1] for steps in STEPS]
    assert record.config.launches == 3
    assert contradictions(record, samples(record)) == []
    assert documents.decode(documents.encode(record), "x") == record
    assert record.environment["commit"] == "f" * 40
    assert (record.status, record.failure) == ("completed", None)
    assert "-gpipe-a-" in record.id


def test_what_there_is_one_of_comes_from_the_launch_nearest_the_mean() -> None:
    longer = msgspec.structs.replace(LAUNCHES[0].timeline, makespan_s=9.53)
    near = msgspec.structs.replace(LAUNCHES[1], timeline=longer, environment={"python": "near"})
    record = merged([LAUNCHES[0], near, LAUNCHES[2]], "A")
    assert (record.timeline, record.environment["python"]) == (longer, "near")


def test_a_plan_is_kept_where_all_launches_ran_it() -> None:
    plan = ["0: 0F0 0B0", "1: 1F0 1B0"]
    same = [msgspec.structs.replace(each, plan=plan) for each in LAUNCHES]
    assert merged(same, "A").plan == plan
    other = msgspec.structs.replace(LAUNCHES[2], plan=[*plan[:1], "1: 1F0  1B0"])
    assert merged([*same[:2], other], "A").plan is None


def test_a_measurement_that_was_not_finished_is_aborted() -> None:
    failure = Failure(130, "interrupted")
    record = merged(LAUNCHES[:1], "B", failure=failure)
    assert (record.status, record.failure, len(record.launches)) == ("aborted", failure, 1)


def test_a_run_beside_one_launch_was_beside_the_side() -> None:
    beside = [
        msgspec.structs.replace(record, environment=record.environment | {"another_run_beside": number == 2})
        for number, record in enumerate(LAUNCHES)
    ]
    assert merged(beside, "A").environment["another_run_beside"] is True
    assert merged(beside[:2], "A").environment["another_run_beside"] is False


def test_the_worst_verification_stands_for_all() -> None:
    worst = Verification(9e-5, 1e-4, 5.3, 5.3)
    record = merged([LAUNCHES[0], msgspec.structs.replace(LAUNCHES[1], verification=worst)], "A")
    assert record.verification == worst


def test_a_baseline_that_varied_is_told() -> None:
    record = merged([won(LAUNCHES[0], "chain"), won(LAUNCHES[1], "fused"), won(LAUNCHES[2], "fused")], "A")
    assert record.baseline.kind == "fused"
    (warning,) = [each for each in record.warnings if each.code == "baseline-varied"]
    assert "chain x1 1 times, fused x1 2 times" in warning.cause
    assert not [each for each in merged(LAUNCHES, "A").warnings if each.code == "baseline-varied"]


def test_candidates_of_all_races_are_kept() -> None:
    def raced(record: CompletedRun, *steps: float) -> CompletedRun:
        candidates = [Candidate("fused", 1, list(steps), len(steps))]
        return msgspec.structs.replace(
            record, baseline=msgspec.structs.replace(record.baseline, candidates=candidates)
        )

    record = merged([raced(LAUNCHES[0], 19.0, 19.1), raced(LAUNCHES[1], 19.2)], "A")
    assert record.baseline.candidates == [Candidate("fused", 1, [19.0, 19.1, 19.2], 3)]


def test_warnings_are_told_once_and_those_of_one_launch_not_at_all() -> None:
    def warned(record: CompletedRun, *codes: str) -> CompletedRun:
        found = [WarningRecord(code, f"{code} {record.launches}", "x") for code in codes]
        return msgspec.structs.replace(record, warnings=found)

    record = merged([warned(LAUNCHES[0], "one-launch", "throttled"), warned(LAUNCHES[1], "throttled")], "A")
    assert [each.code for each in record.warnings] == ["throttled"]


def test_launches_of_a_side_are_of_one_configuration() -> None:
    check_alike([], LAUNCHES[0], "A")
    check_alike(LAUNCHES[:1], LAUNCHES[1], "A")
    with pytest.raises(EnvironmentRefusedError, match="side A: its launch 2"):
        check_alike(LAUNCHES[:1], with_config(LAUNCHES[1], microbatches=1), "A")


@pytest.mark.parametrize("devices", [1, 2])
def test_launches_of_an_own_model_are_one_record_in_its_unit(devices: int) -> None:
    own = own_record(devices=devices)
    worse = msgspec.structs.replace(own.verification, max_relative_parameter_error=3e-8)
    record = merged([own, msgspec.structs.replace(own, verification=worse)], "A")
    assert contradictions(record, samples(record)) == []
    assert (record.pipeline.words_per_s, record.baseline.words_per_s) == (None, None)
    assert record.pipeline.items_per_s == pytest.approx(64 / record.pipeline.step_s)
    assert record.efficiency == pytest.approx(record.speedup.value * devices / 2)
    assert record.verification.max_relative_parameter_error == 3e-8
    assert documents.decode(documents.encode(record), "x") == record


def test_a_side_s_launches_are_relative_to_one_number_of_devices() -> None:
    with pytest.raises(
        EnvironmentRefusedError, match=r"baseline\.devices one device -> the naive schedule on 2"
    ):
        check_alike([own_record()], own_record(devices=2), "A")


def test_launches_of_a_command_are_one_record() -> None:
    beside = WarningRecord("run-beside", "x", "y")
    launches = [command([1.0], warnings=[beside]), command([2.0], warnings=[beside]), command([3.0])]
    record = merged(launches, "B", environment={"commit": "abc"}, failure=Failure(130, "interrupted"))
    assert isinstance(record, CommandRecord)
    assert [launch.value for launch in record.launches] == [1.0, 2.0, 3.0]
    assert (record.status, record.warnings, record.environment["commit"]) == ("aborted", [beside], "abc")
    assert "-command-b-" in record.id
    with pytest.raises(EnvironmentRefusedError, match=r"side B: its launch 2 .*: skip 1 -> 2"):
        check_alike(launches[:1], command([1.0], skip=2), "B")


def test_recorded_runs_are_one_record_each_a_launch() -> None:
    beside = WarningRecord("clock-skew", "x", "y")
    runs = [
        trace_record(0, 1.0, warnings=[beside]),
        trace_record(1, 1.3),
        trace_record(2, 1.1, warnings=[beside]),
    ]
    record = merged(runs, "merged", environment={"note": "x"})
    assert isinstance(record, TraceRecord)
    assert [launch.step_s for launch in record.launches] == [each.step_s for each in runs]
    assert record.bubble.fraction == bubble_of([step for each in runs for step in each.steps], 4)
    assert [file.path for file in record.files] == ["run-0.csv", "run-1.csv", "run-2.csv"]
    nearest = runs[2]
    for name in ("shown", "timeline", "waterfall", "devices", "others", "plan"):
        assert getattr(record, name) == getattr(nearest, name)
    assert (record.warnings, record.environment) == ([beside], {"python": "3.13", "note": "x"})
    assert "-trace4-merged-" in record.id
    assert documents.decode(documents.encode(record), "x") == record


def test_other_operations_of_merged_runs_are_means_over_the_steps_of_all() -> None:
    one = trace_record(0, steps=1, totals=[OtherTotal("OPTIMIZER", 4, 0.01), OtherTotal("LOSS", 1, 0.004)])
    other = trace_record(1, steps=3, totals=[OtherTotal("OPTIMIZER", 12, 0.03)])
    record = merged([one, other], "merged")
    assert isinstance(record, TraceRecord)
    found = {each.operation: (each.count, each.mean_s) for each in record.totals}
    assert found["OPTIMIZER"] == (16, pytest.approx((0.01 + 3 * 0.03) / 4))
    assert found["LOSS"] == (1, pytest.approx(0.001))
    assert (record.totals[0].devices, record.totals[0].having_s) == (None, None)  # older records do not say
    with pytest.raises(EnvironmentRefusedError, match=r"plan\.microbatches 4 -> 8"):
        check_alike([one], trace_record(1, plan=planned(microbatches=8)), "A")


def test_merged_runs_of_other_orders_say_so() -> None:
    plans = [TracePlan(4, 4, 4, [0, 1, 2, 3], order=order) for order in ("1f1b", "1f1b", "another")]
    one, same, other = (trace_record(n) for n in range(3))
    one, same, other = (
        msgspec.structs.replace(record, plan=plan)
        for record, plan in zip((one, same, other), plans, strict=True)
    )
    for others, differ in (([same], False), ([same, other], True)):
        record = merged([one, *others], "merged")
        assert isinstance(record, TraceRecord)
        assert record.plan.other_orders is differ


def test_merged_runs_keep_what_other_operations_take_where_they_are() -> None:
    sent = [OtherTotal("SEND_F", 3, 0.03, devices=3, having_s=0.04)]
    longer = [OtherTotal("SEND_F", 9, 0.06, devices=3, having_s=0.08), OtherTotal("LOSS", 3, 0.01)]
    record = merged(
        [trace_record(0, steps=1, totals=sent), trace_record(1, steps=3, totals=longer)], "merged"
    )
    assert isinstance(record, TraceRecord)
    send, loss = record.totals
    assert (send.count, send.devices, send.having_s) == (12, 3, pytest.approx((0.04 + 3 * 0.08) / 4))
    assert (loss.mean_s, loss.devices, loss.having_s) == (pytest.approx(0.0075), None, None)
