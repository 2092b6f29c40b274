from collections import defaultdict

import pytest

from pipebench.errors import CorruptRecordError
from pipebench.foreign.rows import Recording, Row, SourceFile
from pipebench.foreign.understanding import Rounding, understand
from pipebench.timing.timeline import Span
from tests.foreign.tables import rows_of, timeline

FILE = SourceFile("spans.csv", "spans", "0" * 64, 0)


def recording(rows: list[Row]) -> Recording:
    return Recording([FILE], [row._replace(number=number) for number, row in enumerate(rows, start=2)])


@pytest.mark.parametrize("schedule", ["gpipe", "1f1b", "zb-h1"])
@pytest.mark.parametrize("begin_s", [0.0, 1.7e9, -5.0])
def test_a_simulated_step_comes_back_as_it_was(schedule: str, begin_s: float) -> None:
    step = timeline(schedule=schedule, transfer_s=1e-4)
    found = understand(recording(rows_of(step, begin_s=begin_s)))
    (one,) = found.steps
    assert one.timeline.plan.programs == step.plan.programs
    assert one.measured_s == pytest.approx(step.makespan_s, rel=1e-3 if begin_s > 1e6 else 1e-9)
    assert one.timeline.bubble_fraction == pytest.approx(step.bubble_fraction, abs=1e-3)
    for device in range(4):
        own, was = one.timeline.usage(device), step.usage(device)
        assert own.busy_s == pytest.approx(was.busy_s, abs=1e-5)
        assert own.waiting_s == pytest.approx(was.waiting_s, abs=2e-5)
        assert own.transfer_s == pytest.approx(was.transfer_s, abs=2e-5)
        assert own.idle_s == pytest.approx(was.idle_s, abs=1e-5)
    if begin_s <= 0:
        assert found.rounding == Rounding()


def test_stages_that_share_a_device_are_understood() -> None:
    step = timeline(stages=4, microbatches=6, device_of=(0, 1, 1, 0), schedule="gpipe")
    (one,) = understand(recording(rows_of(step))).steps
    assert one.timeline.plan.programs == step.plan.programs


def test_a_whole_backward_among_halves_is_a_cell_of_both() -> None:
    rows = rows_of(timeline(stages=2, microbatches=2, schedule="zb-h1"))
    halves = {row.name: row for row in rows if row.stage == 0 and row.microbatch == 1}
    first, last = halves["0I1"], halves["0W1"]
    whole = first._replace(operation="B", end_s=last.start_s)
    kept = [row for row in rows if row not in (first, last)]
    (step,) = understand(recording([*kept, whole])).steps
    texts = [step.timeline.graph.text(span.action) for span in step.timeline.spans_of(0)]
    assert sorted(texts) == ["0B1", "0F0", "0F1", "0I0", "0W0"]


def test_steps_and_replicas_are_told_apart_and_come_in_order() -> None:
    rows = [
        row
        for number, replica, begin_s in ((7, 1, 9.0), (7, 0, 8.0), (-2, 0, 3.0))
        for row in rows_of(timeline(), number=number, replica=replica, begin_s=begin_s)
    ]
    rows.append(Row(5, 0, 0, "LOAD", 0, None, 0.0, 1.0))  # a step with nothing else is no step
    found = understand(recording(rows))
    assert [(each.step, each.replica) for each in found.steps] == [(-2, 0), (7, 0), (7, 1)]


def test_other_operations_are_kept_from_the_first_forward_on() -> None:
    rows = rows_of(timeline(), begin_s=10.0)
    rows += [Row(0, 0, 1, "RECV_F", 1, None, 9.5, 10.001), Row(0, 0, 3, "OPTIMIZER", 3, None, 11.0, 11.5)]
    (one,) = understand(recording(rows)).steps
    assert [(row.operation, row.device) for row in one.others] == [("RECV_F", 1), ("OPTIMIZER", 3)]
    assert [row.start_s for row in one.others] == pytest.approx([-0.5, 1.0])
    assert one.measured_s == pytest.approx(timeline().makespan_s)  # they are no part of it


def test_waiting_and_transfer_part_where_a_result_was_sent() -> None:
    step = timeline(stages=2, microbatches=2, schedule="gpipe", transfer_s=1e-3)
    rows = rows_of(step)
    first = next(row for row in rows if row.name == "0F0")
    sent_s = first.end_s + 4e-4
    late = Row(0, 0, 0, "SEND_F", 0, 0, sent_s, 1.0)
    (one,) = understand(recording([*rows, late])).steps
    message = next(
        each for each in one.timeline.transfers if each.message.producer.text(of_chunks=1) == "0F0"
    )
    assert (message.ready_s, message.end_s) == pytest.approx((1.4e-3, 2e-3))
    unknown = late._replace(microbatch=None)
    (one,) = understand(recording([*rows, unknown])).steps
    message = next(
        each for each in one.timeline.transfers if each.message.producer.text(of_chunks=1) == "0F0"
    )
    assert message.ready_s == pytest.approx(1e-3)


def moved(name: str, *, by_s: float, longer_s: float = 0.0) -> list[Row]:
    """A step of 4 stages, and an operation that starts and ends at another time."""
    return [
        row._replace(start_s=row.start_s + by_s, end_s=row.end_s + by_s + longer_s)
        if row.name == name
        else row
        for row in rows_of(timeline())
    ]


def test_two_operations_at_once_are_named_if_it_is_no_rounding() -> None:
    length_s = timeline().makespan_s
    found = understand(recording(moved("0F0", by_s=0.0, longer_s=0.0009 * length_s)))
    assert found.rounding.overlaps == 1
    assert found.rounding.inversions == 1  # the next stage uses what is not there yet
    assert found.rounding.most_s == pytest.approx(0.0009 * length_s)
    assert found.notices[0].startswith(
        "1 operation begins before the one before it on its device has ended, and 1 operation begins before a result "
        "that it needs is there, by 18.9 us at most"
    )
    assert "taken for rounding" in found.notices[0]
    with pytest.raises(CorruptRecordError) as refused:
        understand(recording(moved("0F0", by_s=0.0, longer_s=0.0011 * length_s)))
    text = str(refused.value)
    assert "(0F0) and spans.csv line " in text
    assert "(0F1): device 0 computes both at once for 23.1 us" in text


def test_where_operations_lap_over_the_parts_of_a_device_sum_to_the_step() -> None:
    """Each operation of device 0 seems to last into the next one, by less than a thousandth of the step."""
    length_s = timeline().makespan_s
    lapped = [
        row._replace(end_s=row.end_s + 0.0009 * length_s) if row.device == 0 else row
        for row in rows_of(timeline())
    ]
    found = understand(recording(lapped))
    (step,) = found.steps
    assert found.rounding.overlaps >= 3
    for usage in step.usages:
        assert sum(usage) == pytest.approx(step.measured_s, rel=1e-12)
    assert step.busy_s == pytest.approx(sum(usage.busy_s for usage in step.usages))
    assert step.busy_s < sum(span.end_s - span.start_s for span in step.timeline.spans)
    assert step.timeline.bubble_fraction == pytest.approx(1 - step.busy_s / (4 * step.measured_s))


def test_a_short_operation_inside_of_another_one_is_named() -> None:
    rows = rows_of(timeline())
    inside = [row._replace(start_s=0.0104, end_s=0.0105) if row.name == "0F3" else row for row in rows]
    with pytest.raises(CorruptRecordError, match=r"computes both at once for 100 us"):
        understand(recording(inside))


def test_clocks_that_run_apart_are_named_and_rounding_is_counted() -> None:
    length_s = timeline().makespan_s

    def late(by_s: float) -> list[Row]:
        rows = rows_of(timeline())
        return [
            row._replace(start_s=row.start_s - by_s, end_s=row.end_s - by_s) if row.device == 3 else row
            for row in rows
        ]

    found = understand(recording(late(0.0008 * length_s)))
    assert (found.rounding.overlaps, found.rounding.inversions) == (0, 3)
    assert found.rounding.most_s == pytest.approx(0.0008 * length_s, rel=1e-3)
    assert found.notices[0].startswith(
        "3 operations begin before a result that they need is there, by 16.8 us"
    )
    with pytest.raises(CorruptRecordError) as refused:
        understand(recording(late(0.01 * length_s)))
    assert "(3F0) begins 210 us before spans.csv line" in str(refused.value)
    assert "whose result it needs: expected clocks that agree to a thousandth of the step" in str(
        refused.value
    )


def off(device: int, by_s: float) -> list[Row]:
    """A step whose messages take 2 ms, where the clock of one device is wrong."""
    return [
        row._replace(start_s=row.start_s + by_s, end_s=row.end_s + by_s) if row.device == device else row
        for row in rows_of(timeline(transfer_s=2e-3))
    ]


@pytest.mark.parametrize("device", range(4))
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_clock_may_be_wrong_either_way_by_no_more_than_messages_take(device: int, sign: int) -> None:
    """Between neighbours forwards go one way and backwards the other: one of them is early, whatever the sign."""
    with pytest.raises(CorruptRecordError, match="expected clocks that agree to a thousandth of the step"):
        understand(recording(off(device, sign * 5e-3)))
    found = understand(recording(off(device, sign * 1.5e-3)))
    assert found.rounding == Rounding()


def test_a_clock_that_is_a_little_wrong_makes_messages_longer_one_way_and_shorter_the_other() -> None:
    (step,) = understand(recording(off(3, 1.5e-3))).steps
    of_way: dict[tuple[int, int], list[float]] = defaultdict(list)
    for each in step.timeline.transfers:
        of_way[each.message.sender, each.message.receiver].append(each.end_s - each.start_s)
    assert min(of_way[2, 3]) == pytest.approx(3.5e-3)
    assert min(of_way[3, 2]) == pytest.approx(0.5e-3)


def test_a_step_that_takes_no_time_is_refused() -> None:
    with pytest.raises(CorruptRecordError, match="takes no time"):
        understand(recording([row._replace(start_s=1.0, end_s=1.0) for row in rows_of(timeline())]))
    with pytest.raises(CorruptRecordError, match="expected forwards and backwards of some length"):
        understand(recording([row._replace(end_s=row.start_s) for row in rows_of(timeline())]))


def test_what_readers_had_to_assume_is_told_too() -> None:
    found = understand(Recording([FILE], rows_of(timeline()), ("one block",)))
    assert found.notices == ("one block",)
    assert isinstance(found.steps[0].timeline.spans[0], Span)
