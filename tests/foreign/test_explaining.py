from datetime import UTC, datetime
from math import prod

import pytest

from pipebench.diagnosis import waterfall
from pipebench.errors import UsageError
from pipebench.foreign.explaining import Explained, explained
from pipebench.foreign.rows import Recording, Row, SourceFile
from pipebench.foreign.understanding import understand
from pipebench.plan.actions import Action, Operation
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan
from pipebench.records import documents
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.simulator import simulate
from tests.foreign.tables import Cost, rows_of, timeline, usual

FILE = SourceFile("spans.csv", "spans", "0" * 64, 0)
NOW = datetime(2026, 11, 27, tzinfo=UTC)


def told(rows: list[Row], *changes: str) -> Explained:
    return explained(understand(Recording([FILE], rows)), changes, created=NOW, name="a-trace")


def factors(found: Explained) -> dict[str, float]:
    return {each.step: each.factor for each in found.explanation.waterfall}


def test_equal_stages_lose_what_the_books_say() -> None:
    """4 stages, 4 microbatches: (M + S - 1) / M of the time."""
    found = told(rows_of(timeline(schedule="gpipe")))
    of = factors(found)
    assert list(of) == [
        waterfall.DEVICES,
        *(waterfall.GAPS if name == waterfall.HOST else name for name in waterfall.LOSSES[1:]),
    ]
    assert of[waterfall.DEVICES] == 4
    assert of[waterfall.FILL] == pytest.approx(4 / 7)
    for name, factor in of.items():
        if name not in (waterfall.DEVICES, waterfall.FILL):
            assert factor == pytest.approx(1), name
    assert found.explanation.devices_busy == pytest.approx(16 / 7)
    assert found.explanation.bubble.fraction == pytest.approx(3 / 7)
    (replayed,) = found.explanation.replay.steps
    assert replayed.simulated_s == pytest.approx(replayed.measured_s)


def slow_stage(action: Action) -> float:
    return usual(action) * (1.5 if action.stage == 2 else 1)


def long_sentence(action: Action) -> float:
    return usual(action) * (2 if action.microbatch == 1 else 1)


def test_each_loss_goes_to_its_own_factor() -> None:
    names = (waterfall.STAGES, waterfall.SLICES, waterfall.TRANSFERS)
    steps = (timeline(cost=slow_stage), timeline(cost=long_sentence), timeline(transfer_s=5e-4))
    for name, step in zip(names, steps, strict=True):
        of = factors(told(rows_of(step)))
        assert of[name] < 0.95
        for other in {*names} - {name}:
            assert of[other] == pytest.approx(1, abs=1e-6), (name, other)
        assert of[waterfall.UNEXPLAINED] == pytest.approx(1)


def test_a_result_that_is_sent_late_is_a_transfer_and_nothing_is_left_unexplained() -> None:
    rows = rows_of(timeline(transfer_s=5e-4))
    late = [
        Row(
            0,
            0,
            row.device,
            f"SEND_{row.operation}",
            row.stage,
            row.microbatch,
            row.end_s + 4e-4,
            row.end_s + 5e-4,
        )
        for row in rows
    ]
    assert factors(told([*rows, *late])) == pytest.approx(factors(told(rows)))


def test_a_host_that_is_late_is_a_gap() -> None:
    rows = rows_of(timeline(stages=1, microbatches=3))
    late = [
        row._replace(start_s=row.start_s + 1e-3 * n, end_s=row.end_s + 1e-3 * n) for n, row in enumerate(rows)
    ]
    found = told(late)
    assert factors(found)[waterfall.GAPS] == pytest.approx(9 / 14)
    (replayed,) = found.explanation.replay.steps
    assert (replayed.measured_s, replayed.simulated_s) == pytest.approx((14e-3, 9e-3))
    assert [each.code for each in found.record.warnings] == ["replay-off"]


def test_a_gap_of_the_host_is_no_transfer_in_the_table_and_the_picture_either() -> None:
    """Messages take no time. Device 0 does nothing for 20 ms before its last backward, whose input is there."""
    rows = rows_of(timeline(schedule="gpipe", stages=2))
    last = max((row for row in rows if row.device == 0), key=lambda row: row.end_s)
    late = last._replace(start_s=last.start_s + 20e-3, end_s=last.end_s + 20e-3)
    before, found = told(rows), told([late if row is last else row for row in rows])
    assert factors(found)[waterfall.TRANSFERS] == pytest.approx(1)
    (was, _), (now, _) = before.record.devices, found.record.devices
    assert now.transfer_s == pytest.approx(0, abs=1e-9)
    assert now.waiting_s == pytest.approx(was.waiting_s + 20e-3)
    assert max(gap.arrived_s - gap.sent_s for gap in found.shown.gaps(0)) == pytest.approx(0, abs=1e-9)
    assert found.explanation.steps[0].transfer_s == pytest.approx(0, abs=1e-9)


def two_steps() -> list[Row]:
    fast, slow = timeline(), timeline(cost=lambda action: 3 * usual(action))
    return [
        *rows_of(fast, number=1),
        *rows_of(slow, number=2, begin_s=1.0),
        *rows_of(fast, number=1, replica=1),
        *rows_of(slow, number=2, replica=1, begin_s=1.0),
    ]


def test_over_all_steps_factors_multiply_to_busy_time_over_length() -> None:
    found = told(two_steps())
    busy_s = sum(each.busy_s for each in found.record.launches[0].steps)
    length_s = sum(each.measured_s for each in found.record.launches[0].steps)
    assert prod(factors(found).values()) == pytest.approx(busy_s / length_s, rel=1e-9)
    assert found.explanation.bubble.fraction == pytest.approx(1 - busy_s / length_s / 4)
    assert [(each.step, each.replica) for each in found.explanation.steps] == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert found.explanation.steps[3].measured_s == pytest.approx(3 * found.explanation.steps[0].measured_s)
    for device in found.explanation.devices:
        parts = device.busy_s + device.waiting_s + device.transfer_s + device.idle_s
        assert parts == pytest.approx(length_s / 4)
    assert [device.activations_alive for device in found.explanation.devices] == [4, 3, 2, 1]


def test_what_if_takes_means_over_steps_and_replicas() -> None:
    found = told(two_steps(), "all = mean", "stage 3 x 2")
    mean, twice = found.explanation.what_if
    one = timeline().makespan_s
    assert mean.change == "all = mean"
    assert mean.step_s == pytest.approx(2 * one)  # of forwards, and of backwards
    assert mean.gain == pytest.approx(1)
    assert twice.step_s > 2 * one
    assert mean.speedup is None


def stage_3(times: float, others: float) -> Cost:
    """Stage 3 takes so many times as long as usual, and so do the others."""
    return lambda action: usual(action) * (times if action.stage == 3 else others)


def test_a_stage_at_its_mean_takes_the_same_in_every_step_and_replica() -> None:
    """It is the mean of once and three times: fast steps get longer, and slow ones shorter."""
    (mean,) = told(two_steps(), "stage 3 = mean").explanation.what_if
    fast, slow = (timeline(cost=stage_3(2, others)).makespan_s for others in (1, 3))
    assert mean.step_s == pytest.approx((fast + slow) / 2)


def test_without_a_question_the_best_single_changes_are_told() -> None:
    found = told(rows_of(timeline(cost=slow_stage)))
    assert found.explanation.what_if[0].change in ("stages = mean", "stage 2 = mean")
    assert all("link" not in each.change for each in found.explanation.what_if)  # messages take no time


def test_a_change_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="expected stages from 0 to 3"):
        told(rows_of(timeline()), "stage 4 = mean")


def test_the_record_is_one_and_holds_the_step_nearest_the_mean() -> None:
    rows = two_steps()
    rows.append(Row(2, 1, 3, "OPTIMIZER", 3, None, 1.9, 2.0))
    found = told(rows)
    record = found.record
    assert documents.decode(documents.encode(record), "here") == record
    assert record.shown == (1, 0)
    assert record.timeline.makespan_s == pytest.approx(timeline().makespan_s)
    assert (record.plan.stages, record.plan.devices, record.plan.microbatches) == (4, 4, 4)
    assert [(each.operation, each.count) for each in record.totals] == [("OPTIMIZER", 1)]
    assert record.totals[0].mean_s == pytest.approx(0.1 / 16)
    assert record.others == []  # not of the step that is shown


def test_halves_of_a_backward_count_as_such() -> None:
    found = told(rows_of(timeline(schedule="zb-h1", cost=lambda _: 1e-3)))
    assert found.record.plan.split_backward
    assert found.explanation.bubble.fraction == pytest.approx(
        timeline(schedule="zb-h1", cost=lambda _: 1e-3).bubble_fraction
    )
    assert any(span.action.startswith("0W") for span in found.record.timeline.spans)


def test_a_links_change_is_tried_on_the_recorded_messages() -> None:
    step = timeline(transfer_s=1e-3)
    asked = ("link x 0.5", "link = 2 ms", "all x 1")
    half, twice, same = told(rows_of(step), *asked).explanation.what_if
    assert half.before_s == twice.before_s == pytest.approx(step.makespan_s)
    assert half.step_s == pytest.approx(timeline(transfer_s=5e-4).makespan_s)
    assert twice.step_s == pytest.approx(timeline(transfer_s=2e-3).makespan_s)
    assert half.gain == pytest.approx(step.makespan_s / half.step_s)
    assert same.before_s == same.step_s == pytest.approx(timeline().makespan_s)


def last_chunk(action: Action) -> float:
    return usual(action) * (1.5 if action.stage == 3 else 1)


def test_unequal_stages_of_one_device_are_unequal_stages() -> None:
    """Two stages a device, the last one longer: the order does not wait, the stages make it."""
    of_device = (0, 1, 0, 1)
    plan = interleaved(Graph(4, 4, device_of=of_device))
    steps = [
        simulate(plan, MeasuredCosts({a: cost(a) for a in plan.graph.actions()}), transfer_s=lambda _: 0.0)
        for cost in (usual, last_chunk)
    ]
    even, uneven = (factors(told(rows_of(step))) for step in steps)
    assert even[waterfall.WAITING] == uneven[waterfall.WAITING]
    assert uneven[waterfall.STAGES] < 0.95


def interleaved(graph: Graph) -> Plan:
    """Each device its stages of two microbatches in turn, forwards, then backwards."""
    order = [
        (stage, m)
        for pair in ((0, 1), (2, 3))
        for first in (0, 2)
        for stage in (first, first + 1)
        for m in pair
    ]
    programs = []
    for device in range(graph.devices):
        own = [(stage, m) for stage, m in order if graph.device_of[stage] == device]
        forwards = [Action(Operation.FORWARD, *each) for each in own]
        backwards = [
            Action(Operation.BACKWARD, stage, m)
            for pair in ((0, 1), (2, 3))
            for stage in reversed(graph.stages_of(device))
            for m in pair
        ]
        programs.append((*forwards, *backwards))
    return Plan(graph, tuple(programs))


def test_the_order_of_the_shown_step_is_named() -> None:
    assert told(rows_of(timeline(schedule="gpipe"))).record.plan.order == "gpipe"
    assert told(rows_of(timeline(schedule="1f1b"))).record.plan.text.endswith(", in the order of 1f1b")


def test_the_shown_step_s_order_is_not_said_of_steps_that_run_in_another() -> None:
    usual_order, other = timeline(schedule="1f1b"), timeline(schedule="gpipe")
    rows = [row for n in (0, 1) for row in rows_of(usual_order, number=n, begin_s=n)]
    assert not told(rows).record.plan.other_orders
    for step, replica in ((2, 0), (0, 1)):
        plan = told([*rows, *rows_of(other, number=step, replica=replica, begin_s=step)]).record.plan
        assert (plan.order, plan.other_orders) == ("1f1b", True)
        assert plan.text.endswith("in the order of 1f1b in the step shown (other steps run in another order)")
