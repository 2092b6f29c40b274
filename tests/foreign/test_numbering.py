import pytest

from pipebench.errors import CorruptRecordError
from pipebench.foreign.numbering import shape_of
from pipebench.foreign.rows import Recording, Row, SourceFile
from tests.foreign.tables import rows_of, timeline

FILE = SourceFile("spans.csv", "spans", "0" * 64, 0)


def recording(rows: list[Row]) -> Recording:
    return Recording([FILE], [row._replace(number=number) for number, row in enumerate(rows, start=2)])


def test_the_graph_is_found() -> None:
    shape = shape_of(
        recording(rows_of(timeline(stages=4, microbatches=6, device_of=(0, 1, 0, 1), schedule="gpipe")))
    )
    assert (shape.graph.stages, shape.graph.microbatches, shape.graph.device_of) == (4, 6, (0, 1, 0, 1))
    assert not shape.graph.split_backward
    assert shape.notices == ()
    assert shape_of(recording(rows_of(timeline(schedule="zb-h1")))).graph.split_backward


def test_global_ranks_are_counted_from_0_in_each_replica() -> None:
    one = rows_of(timeline())
    rows = [
        row._replace(replica=replica, device=8 + 4 * replica + row.device)
        for replica in (0, 1)
        for row in one
    ]
    rows.append(rows[0]._replace(operation="LOAD", device=3, microbatch=None))
    shape = shape_of(recording(rows))
    assert shape.graph.device_of == (0, 1, 2, 3)
    assert [shape.device(row) for row in rows[:2]] == [row.device for row in one[:2]]
    assert shape.device(rows[-1]) == 4  # it computes nothing
    assert shape.notices == (
        "devices 8, 9, 10, 11, 3 of replica 0 are counted as 0 to 4",
        "devices 12, 13, 14, 15 of replica 1 are counted as 0 to 3",
    )


def of(rows: list[Row], operation: str, stage: int, microbatch: int) -> int:
    return next(
        place
        for place, row in enumerate(rows)
        if (row.operation, row.stage, row.microbatch) == (operation, stage, microbatch)
    )


def refused(rows: list[Row]) -> str:
    known = recording(rows)
    with pytest.raises(CorruptRecordError) as error:
        shape_of(known).check_whole(known.rows)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_whole_step_passes() -> None:
    for schedule in ("gpipe", "1f1b", "zb-h1"):
        known = recording(rows_of(timeline(schedule=schedule)))
        shape_of(known).check_whole(known.rows)


def test_a_forward_without_its_backward_and_the_other_way_round_are_named() -> None:
    rows = rows_of(timeline())
    place = of(rows, "F", 2, 1)
    del rows[of(rows, "B", 2, 1)]
    text = refused(rows)
    assert text.startswith(
        f"spans.csv line {of(rows, 'F', 2, 1) + 2} (2F1): a forward without its backward in step 0"
    )
    rows = rows_of(timeline())
    del rows[place]
    assert refused(rows).startswith(
        f"spans.csv line {of(rows, 'B', 2, 1) + 2} (2B1): a backward without its forward"
    )


@pytest.mark.parametrize("schedule", ["1f1b", "zb-h1"])
@pytest.mark.parametrize(("step", "end"), [(3, "first"), (4, None), (5, "last")])
def test_a_first_or_last_step_that_was_cut_may_be_left_out(schedule: str, step: int, end: str | None) -> None:
    """A recording that begins or ends in the middle of a step lacks its first or its last rows."""
    one = sorted(rows_of(timeline(schedule=schedule)), key=lambda row: row.start_s)
    cut = one[len(one) // 2 :] if end == "first" else one[: len(one) // 2]
    known = recording(
        [row._replace(step=each) for each in (3, 4, 5) for row in (cut if each == step else one)]
    )
    with pytest.raises(CorruptRecordError) as error:
        shape_of(known).check_whole([row for row in known.rows if row.step == step])
    told = f"; if the recording was cut in this step, its {end} one, leave out all rows of step {step}"
    assert str(error.value).endswith(told) is (end is not None)
    assert ("leave out" in str(error.value)) is (end is not None)


def test_the_only_step_and_those_of_traces_are_not_to_be_left_out() -> None:
    rows = [row for row in rows_of(timeline()) if row.name != "2B1"]
    assert "leave out" not in refused(rows)
    traces = Recording(
        [FILE._replace(kind="torch-profiler")], [*rows, *(row._replace(step=1) for row in rows)]
    )
    with pytest.raises(CorruptRecordError) as error:
        shape_of(traces).check_whole(rows)
    assert "leave out" not in str(error.value)


def test_a_half_without_the_other_or_beside_the_whole_is_named() -> None:
    rows = rows_of(timeline(schedule="zb-h1"))
    half = rows[of(rows, "W", 1, 3)]
    assert "expected B alone, or I and W" in refused([row for row in rows if row is not half])
    assert "found B and I and W" in refused([*rows, half._replace(operation="B")])


def test_what_is_there_twice_is_named_with_both_places() -> None:
    rows = rows_of(timeline())
    place = of(rows, "B", 1, 0)
    text = refused([*rows, rows[place]])
    assert (
        f"line {place + 2} (1B0) and spans.csv line {len(rows) + 2} (1B0): the same backward twice in step 0"
        in text
    )


def test_a_microbatch_that_a_stage_lacks_is_named() -> None:
    rows = rows_of(timeline())
    text = refused([row for row in rows if (row.stage, row.microbatch) != (3, 2)])
    assert "has no forward of stage 3, microbatch 2" in text
    assert text.startswith(f"spans.csv line {next(n for n, r in enumerate(rows, 2) if r.microbatch == 2)} ")


def test_stages_and_microbatches_that_count_from_1_are_refused() -> None:
    rows = rows_of(timeline())
    assert "no forward of stage 0 anywhere" in refused([row._replace(stage=row.stage + 1) for row in rows])
    more = [row._replace(microbatch=(row.microbatch or 0) + 1) for row in rows]
    assert "no forward of stage 0, microbatch 0: expected all of 4 stages and 5 microbatches" in refused(more)


def test_a_stage_on_two_devices_is_named() -> None:
    rows = rows_of(timeline())
    place = of(rows, "F", 1, 2)
    rows[place] = rows[place]._replace(device=2)
    assert f"line {place + 2} (1F2): stage 1 on device 2" in refused(rows)


def test_a_table_without_forwards_is_refused() -> None:
    rows = [row._replace(operation="LOAD") for row in rows_of(timeline())]
    with pytest.raises(CorruptRecordError, match=r"expected forwards and backwards .* found LOAD"):
        shape_of(recording(rows))
    with pytest.raises(CorruptRecordError, match="found no rows"):
        shape_of(recording([]))


def test_a_stage_number_that_no_run_has_is_refused_at_once() -> None:
    rows = rows_of(timeline())
    with pytest.raises(CorruptRecordError, match="no forward of stage 4 anywhere"):
        shape_of(recording([*rows, rows[0]._replace(stage=10**9)]))
    with pytest.raises(CorruptRecordError, match="expected at most"):
        shape_of(recording([*rows, rows[0]._replace(microbatch=10**9)]))


def test_a_replica_without_a_stage_that_another_one_has_is_named() -> None:
    one = rows_of(timeline())
    rows = [
        row._replace(replica=replica) for replica in (0, 1) for row in one if (replica, row.stage) != (1, 2)
    ]
    with pytest.raises(CorruptRecordError) as refused:
        shape_of(recording(rows))
    assert "replica 1 has no forward or backward of stage 2, and replica 0 has" in str(refused.value)
    assert "name the files of all of them" in str(refused.value)
