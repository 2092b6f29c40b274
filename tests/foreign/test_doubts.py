from dataclasses import replace

import pytest

from pipebench.foreign.doubts import doubts
from pipebench.foreign.rows import Recording, Row, SourceFile
from pipebench.foreign.understanding import understand
from pipebench.plan.actions import Action
from tests.foreign.tables import rows_of, timeline, usual

FILE = SourceFile("spans.csv", "spans", "0" * 64, 0)


def steps_to_take(rows: list[Row]) -> dict[str, str]:
    """What each doubt advises, by its code."""
    return {each.code: each.next_step for each in doubts(understand(Recording([FILE], rows)))}


def found(rows: list[Row]) -> dict[str, str]:
    """What each doubt says, by its code."""
    return {each.code: each.cause for each in doubts(understand(Recording([FILE], rows)))}


def slow(stage: int, times: float):
    return lambda action: usual(action) * (times if action.stage == stage else 1)


@pytest.mark.parametrize("schedule", ["gpipe", "1f1b", "zb-h1"])
def test_nothing_is_in_doubt_of_a_usual_run(schedule: str) -> None:
    steps = [timeline(schedule=schedule, cost=slow(3, 1.5), transfer_s=1e-4) for _ in range(3)]
    rows = [
        row
        for replica in range(2)
        for n, step in enumerate(steps)
        for row in rows_of(step, number=n, replica=replica)
    ]
    assert found(rows) == {}


@pytest.mark.parametrize("schedule", ["gpipe", "1f1b", "zb-h1"])
def test_a_last_stage_that_waits_has_one_after_it(schedule: str) -> None:
    rows = [row for row in rows_of(timeline(schedule=schedule)) if row.stage < 3]
    cause = found(rows)["last-stage-waits"]
    assert cause.startswith("stage 2 is the last one that has rows, and its device does nothing for ")
    waits = {"gpipe": "3 ms", "1f1b": "2 ms", "zb-h1": "1 ms"}  # of 1 ms forwards and 2 ms backwards
    assert f" for {waits[schedule]} ahead of its first backward" in cause


@pytest.mark.parametrize("unit", [1e3, 1e6])
def test_times_in_another_unit_are_told(unit: float) -> None:
    rows = [
        row._replace(start_s=unit * row.start_s, end_s=unit * row.end_s)
        for row in rows_of(timeline(cost=lambda action: 20 * usual(action)))
    ]
    assert found(rows).keys() == {"unit"}


def test_a_slow_replica_is_named_with_its_slow_stage() -> None:
    rows = [row for replica in range(3) for row in rows_of(timeline(), replica=replica)]
    assert found(rows) == {}
    slow_rows = rows_of(timeline(cost=slow(2, 2.0)), replica=3)
    length = max(row.end_s for row in slow_rows) / max(row.end_s for row in rows)
    cause = found(rows + slow_rows)["replica-apart"]
    assert f"a step of replica 3 takes {length:.2f} times what the others take" in cause
    assert "its stage 2 takes 2.00 times what it takes elsewhere" in cause
    assert "those with 3 in the column replica" in steps_to_take(rows + slow_rows)["replica-apart"]
    assert found(slow_rows) == {}  # what is advised can be done


def test_a_replica_that_is_slow_all_over_has_no_stage_to_blame() -> None:
    slower = timeline(cost=lambda action: 1.5 * usual(action))
    rows = rows_of(timeline()) + rows_of(slower, replica=1)
    cause = found(rows)["replica-apart"]
    assert "replica 1 takes 1.50 times what the others take. Replicas" in cause


def late(action: Action) -> float:
    return usual(action) * 2


def test_steps_far_above_their_replicas_median_are_told() -> None:
    steps = [timeline(), timeline(), timeline(cost=late), timeline()]
    rows = [row for n, step in enumerate(steps) for row in rows_of(step, number=n, begin_s=n)]
    (code, cause), *others = found(rows).items()
    assert (code, others) == ("steps-apart", [])
    assert "the median of their replica: 1 of 4, " in cause
    assert "the worst step 2 of replica 0, 2.00 times" in cause
    assert "one with the rows of step 2 (column step)" in steps_to_take(rows)["steps-apart"]
    assert found([row for row in rows if row.step == 2]) == {}


def test_what_matters_most_stands_first() -> None:
    one = understand(Recording([FILE], [row for row in rows_of(timeline()) if row.stage < 3]))
    longer = replace(one, steps=(*one.steps, *one.steps))
    assert [each.code for each in doubts(longer)] == ["last-stage-waits"]
