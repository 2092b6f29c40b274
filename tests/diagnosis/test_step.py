import msgspec
import pytest

from pipebench.diagnosis.step import measured_of, step_of
from pipebench.errors import CorruptRecordError
from pipebench.records.devices import LinkRecord
from pipebench.records.schema import WarningRecord
from pipebench.records.timelines import timeline_record
from pipebench.timing.links import Link
from pipebench.timing.simulator import simulate
from tests.builders import (
    completed_record,
    costs_by_hand,
    ended_run,
    launch,
    plan_of,
    small_timeline,
)
from tests.diagnosis.explained import Costs


def test_a_run_without_a_complete_launch_has_no_step() -> None:
    ended = ended_run(completed_record(), "failed", launches=[], timeline=None, speedup=None)
    assert step_of(ended) is None


def test_what_launches_say_counts_and_not_what_the_summary_repeats() -> None:
    record = completed_record(launches=[launch([40.0], [8.0]), launch([10.0], [2.0])])
    measured = measured_of(record, record.baseline)
    assert measured.baseline_step_s == pytest.approx(20.0)
    assert measured.pipeline_step_s == pytest.approx(4.0)


def test_shared_cores_count_only_where_they_were_found() -> None:
    slow = [launch([19.0], [9.5], wall_per_cpu=1.5)]
    record = completed_record(launches=slow)
    assert measured_of(record, record.baseline).shared == 1.0
    shared = WarningRecord("cores-shared", "cause", "next")
    assert measured_of(msgspec.structs.replace(record, warnings=[shared]), record.baseline).shared == 1.5


def test_sizes_are_known_if_all_messages_have_one() -> None:
    step = step_of(completed_record())
    assert step is not None
    assert step.sizes is None
    sized = timeline_record(small_timeline(), clock="virtual", message_bytes=lambda _: 4096)
    with_sizes = step_of(completed_record(timeline=sized))
    assert with_sizes is not None
    assert with_sizes.sizes == dict.fromkeys(with_sizes.replay.messages, 4096)
    assert with_sizes.dilation == 10.0


def test_an_emulated_machine_whose_messages_cost_their_ends_time() -> None:
    record = completed_record()
    plan = plan_of("gpipe", 2, 2)
    timeline = simulate(plan, costs_by_hand(plan.graph), Link(1.0, overhead_s=0.25))
    assert record.machine is not None
    machine = msgspec.structs.replace(
        record.machine,
        link=LinkRecord(0.1, None, 1.0, None, overhead_s=0.025),  # dilated by 10
    )
    step = step_of(completed_record(machine=machine, timeline=timeline_record(timeline, clock="virtual")))
    assert step is not None
    assert sorted(set(step.replay.lengths.values())) == pytest.approx([1.0, 2.0])
    assert step.replay.again.makespan_s == pytest.approx(timeline.makespan_s)


def test_a_wall_clock_tells_of_gaps_and_a_virtual_one_does_not() -> None:
    virtual = step_of(Costs().record())
    assert virtual is not None
    assert virtual.replay.ports
    assert not virtual.replay.gaps
    late = {next(iter(virtual.replay.lengths)): 0.5}
    wall = step_of(Costs(late=late).record())
    assert wall is not None
    assert not wall.replay.ports
    assert wall.replay.gaps == pytest.approx(late)


def test_a_timeline_that_is_no_step_is_corrupt() -> None:
    record = completed_record()
    short = msgspec.structs.replace(record.timeline, spans=record.timeline.spans[:-1])
    with pytest.raises(CorruptRecordError, match="cannot be run again: device 0 does not run 0B0"):
        step_of(completed_record(timeline=short))
