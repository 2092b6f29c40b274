from random import Random
from typing import Any

import msgspec
import pytest

from pipebench.comparison.fields import mismatches
from pipebench.comparison.history import history
from pipebench.errors import CorruptRecordError, MissingError
from pipebench.records.run import RunRecord
from tests.builders import (
    ended_run,
    launch,
    measured_record,
    noisy_launches,
    own_record,
    with_config,
)
from tests.guard.launches import record


def run(number: int, slower: float = 1.0, **changes: object) -> RunRecord:
    launches = noisy_launches(Random(number), slower=slower)
    created = f"2026-11-{number // 24 + 1:02}T{number % 24:02}:00:00+00:00"
    return measured_record(launches, id=f"run-{number}", created=created, **changes)


def test_the_course_is_of_the_geometric_means_oldest_first() -> None:
    runs = [run(number) for number in (3, 1, 2)]
    found = history(runs, "step_s")
    assert [point.id for point in found.runs] == ["run-1", "run-2", "run-3"]
    assert runs[1].pipeline is not None
    assert found.runs[0].value == pytest.approx(runs[1].pipeline.step_s)
    assert found.changes == []


def test_a_change_is_named_by_the_first_run_of_the_new_level() -> None:
    (change,) = history(
        [run(number, 1.1 if number >= 12 else 1.0) for number in range(24)], "words_per_s"
    ).changes
    assert change.id == "run-12"
    assert change.change == pytest.approx(1 / 1.1 - 1, abs=0.01)
    assert change.after < change.before


def test_runs_of_other_configurations_and_ends_are_left_out_and_counted() -> None:
    records = [
        with_config(run(1), hidden=64),
        ended_run(run(2)),
        CorruptRecordError("broken"),
        run(3),
        run(4),
    ]
    found = history(records, "speedup")
    assert [point.id for point in found.runs] == ["run-3", "run-4"]
    assert (found.other_configurations, found.not_completed, found.unreadable) == (1, 1, 1)


def test_a_joined_record_counts_only_where_none_of_its_runs_does() -> None:
    runs = [run(number) for number in range(4)]
    joined = run(5, merged_from=[each.id for each in runs])
    again = run(6, merged_from=[joined.id])
    found = history([*runs, joined, again], "step_s")
    assert [point.id for point in found.runs] == [each.id for each in runs]
    assert (found.joined, found.needed) == (2, history(runs, "step_s").needed)
    assert [point.id for point in history([joined], "step_s").runs] == [joined.id]


def test_what_compare_compares_is_one_history() -> None:
    """The same partition, whichever rule made it; two partitions by measurement, which finds another one each time."""
    rules = [("even", [1, 1]), ("balanced", [1, 1]), ("even", [2, 0])]
    runs = [
        with_config(run(number), partition_rule=rule, partition=partition)
        for number, (rule, partition) in enumerate(rules)
    ]
    found = history(
        [runs[2], runs[0], msgspec.structs.replace(runs[1], created="2026-12-01T00:00:00")], "speedup"
    )
    assert [point.id for point in found.runs] == ["run-0", "run-1"]
    assert found.other_configurations == 1
    assert not mismatches(runs[0], runs[1])
    assert mismatches(runs[0], runs[2])


def test_a_run_whose_samples_no_clock_can_have_read_is_counted_as_unreadable() -> None:
    odd = measured_record([launch([1e-12], [1e-12])], id="odd")
    course = history([run(1), odd], "words_per_s")
    assert (len(course.runs), course.unreadable) == (1, 1)


def test_dates_count_not_their_text() -> None:
    early = msgspec.structs.replace(run(1), created="2026-11-24T10:00:00+05:00")
    late = msgspec.structs.replace(run(2), created="2026-11-24T09:00:00+00:00")
    assert [point.id for point in history([late, early], "step_s").runs] == ["run-1", "run-2"]
    odd = msgspec.structs.replace(run(3), created="2026-11-24T99:00:00")
    assert history([late, odd], "step_s").runs[0].id == "run-3"


@pytest.mark.parametrize("records", [[], [ended_run(run(1), "failed")]])
def test_without_a_completed_run_there_is_no_history(records: list[RunRecord]) -> None:
    with pytest.raises(MissingError, match="no completed run"):
        history(records, "words_per_s")


def test_a_metric_that_nobody_measured_is_missing() -> None:
    with pytest.raises(MissingError, match="peak_memory_bytes"):
        history([run(1)], "peak_memory_bytes")


def own_run(number: int, factor: float = 1.0, **changes: Any) -> RunRecord:
    return own_record(factor, id=f"own-{number}", created=f"2026-12-{number:02}T00:00:00+00:00", **changes)


def test_the_course_is_of_what_the_newest_run_counts() -> None:
    words = history([run(1), run(2)])
    assert (words.metric, words.unit) == ("words_per_s", "words")
    own = history([run(1), own_run(2), own_run(3)])
    assert (own.metric, own.unit, own.other_configurations) == ("throughput", "samples", 1)
    assert "net: 3 layers, float32" in own.of
    assert own.runs[0].value == pytest.approx(64 / 9.5, rel=1e-3)
    assert [point.value for point in history([run(1)], "throughput").runs] == [
        point.value for point in history([run(1)]).runs
    ]


def test_a_command_s_course_is_of_those_that_print_it() -> None:
    """Also where the newest one prints something else, as in a folder of several guards."""
    older = [
        record([1.0 + n / 100] * 4, id=f"{n}", created=f"2026-11-0{n + 1}T00:00:00+00:00") for n in range(3)
    ]
    newest = record([9.0] * 4, "loss", id="x", created="2026-11-09T00:00:00+00:00")
    found = history([*older, newest], "step_s")
    assert ([point.id for point in found.runs], found.other_configurations) == (["0", "1", "2"], 1)
    assert [point.id for point in history([*older, newest]).runs] == ["x"]


def test_words_of_what_counts_none_are_refused_with_what_to_ask_for() -> None:
    with pytest.raises(MissingError, match=r"words_per_s \(they count samples: ask for throughput\)"):
        history([own_run(1)], "words_per_s")


def test_a_ratio_of_an_own_model_has_its_parts() -> None:
    runs = [own_run(number, 1.3 if number > 12 else 1.0 + number / 1e4, devices=2) for number in range(1, 25)]
    found = history(runs, "speedup")
    (change,) = found.changes
    assert list(change.parts) == ["baseline_throughput", "step_s"]
    assert "the baseline on 2 devices is unchanged" in (change.explanation or "")
    assert found.baseline_devices == 2


def test_who_shares_the_softmax_is_told_and_another_configuration() -> None:
    shared = with_config(run(1), softmax_devices=1)
    course = history([run(0), shared], "speedup")
    assert "gpipe M 2 C 1, softmax on 1; 2 layers of 32" in course.of
    assert course.other_configurations == 1
