from dataclasses import replace

import pytest

from pipebench.errors import CorruptRecordError, UsageError
from pipebench.records.trace import OtherSpan
from pipebench.render.perfetto.slices import lanes_by_device, shift_of
from pipebench.render.perfetto.step import ShownStep, shown_step
from pipebench.timing.timeline import OtherWork
from tests.builders import simulation_record, small_timeline
from tests.render.perfetto.recorded import OTHERS, recorded


def texts(step: ShownStep, device: int) -> dict[str, list[str]]:
    rows = lanes_by_device(step, 0)[device]
    return {row.name: [each.name for each in row.slices] for row in rows}


def test_pauses_stand_between_the_actions_as_slices_of_their_own() -> None:
    step = shown_step(simulation_record(), "x")
    assert texts(step, 0) == {
        "work and waiting": ["0F0", "0F1", "waiting", "transfer", "0B1", "0B0"],
        "messages on their way": ["0F0 to device 1", "0F1 to device 1"],
    }
    work = lanes_by_device(step, 0)[0][0].slices
    assert [each.arguments for each in work if each.category in {"waiting", "transfer"}] == [
        {"before": "0B1"}
    ] * 2


def test_what_runs_beside_an_action_has_a_lane_of_its_own() -> None:
    timeline = replace(
        small_timeline(), other=(OtherWork(0, "zero_grad", 0.5, 1.5), OtherWork(0, "optimizer", 9.5, 10))
    )
    found = texts(ShownStep(timeline, [], "", {}, [None] * len(timeline.transfers)), 0)
    assert found["work and waiting"][-1] == "optimizer"
    assert found["work and waiting 2"] == ["zero_grad"]


def test_a_message_says_what_waits_for_it_and_how_large_it_is() -> None:
    timeline = small_timeline()
    sizes = [1024] * len(timeline.transfers)
    (_, sending) = lanes_by_device(ShownStep(timeline, [], "", {}, sizes), 0)[0]
    assert sending.slices[0].arguments == {
        "result_of": "0F0",
        "needed_by": "1F0",
        "to_device": 1,
        "waited_for_link_us": 0.0,
        "bytes": 1024,
    }


def test_a_message_that_seems_to_arrive_before_it_left_takes_no_time_and_says_so() -> None:
    timeline = small_timeline()
    first, *others = timeline.transfers
    odd = replace(timeline, transfers=(first._replace(end_s=first.start_s - 0.125), *others))
    (_, sending) = lanes_by_device(ShownStep(odd, [], "", {}, [None] * 4), 0)[0]
    assert (sending.slices[0].start_ns, sending.slices[0].end_ns) == (1_000_000_000, 1_000_000_000)
    assert sending.slices[0].arguments["clocks_differ_us"] == 125_000.0


def test_a_trace_begins_with_its_first_operation() -> None:
    assert shift_of(shown_step(recorded(), "x")) == 500_000_000
    assert shift_of(shown_step(recorded(others=[]), "x")) == 0
    assert shift_of(shown_step(recorded(others=[OTHERS[1]]), "x")) == 0


def test_what_ends_before_it_starts_is_refused() -> None:
    turned = OtherSpan(0, "ZERO", 0, 2.0, 1.5)
    with pytest.raises(CorruptRecordError, match=r"timeline: 0ZERO ends before it starts, at 1\.5 and 2 s"):
        lanes_by_device(shown_step(recorded(others=[turned]), "x"), 0)


def test_what_no_reader_can_place_is_refused() -> None:
    far = OtherSpan(0, "ZERO", 0, 0.0, 1e300)
    with pytest.raises(UsageError, match=r"0ZERO runs at 1e\+300 s: expected a step of 9,000,000 s at most"):
        lanes_by_device(shown_step(recorded(others=[far]), "x"), 0)
