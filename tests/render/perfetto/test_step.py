import pytest
from msgspec.structs import replace

from pipebench.errors import CorruptRecordError, UsageError
from pipebench.render.perfetto.step import shown_step
from tests.builders import completed_record, ended_run, simulation_record
from tests.render.perfetto.recorded import OTHERS, recorded


def test_a_run_says_which_clock_it_is_of() -> None:
    step = shown_step(completed_record(), "x")
    assert step.evidence == "emulated, virtual time"
    assert step.layers == ["embedding + LSTM 0", "LSTM 1 + projection"]
    assert step.about == {
        "made_by": "pipebench",
        "kind": "run",
        "clock": "virtual",
        "times": "emulated, virtual time",
        "step_s": 9.5,
        "record": "20261124-091500-emulated2-gpipe-3fa9c1",
    }


def test_a_simulation_is_never_taken_for_a_measurement() -> None:
    step = shown_step(simulation_record(), "x")
    assert (step.evidence, step.about["clock"]) == ("simulated", "simulated")


def test_a_recorded_run_has_its_other_operations() -> None:
    step = shown_step(recorded(), "x")
    assert step.evidence == "wall clock, recorded by another program"
    assert (step.about["clock"], step.about["step"], step.about["replica"]) == ("wall", 7, 0)
    assert list(step.others) == list(OTHERS)


def test_a_run_without_a_step_is_refused() -> None:
    with pytest.raises(
        UsageError, match=r"^x\.json: this run ended before a step was measured: it has no timeline"
    ):
        shown_step(ended_run(completed_record(), timeline=None), "x.json")


def test_a_timeline_of_another_plan_is_refused() -> None:
    record = recorded()
    with pytest.raises(CorruptRecordError, match="timeline: not one of this configuration"):
        shown_step(replace(record, plan=replace(record.plan, microbatches=1)), "x.json")


def test_an_operation_of_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(CorruptRecordError, match="others: ZERO runs on device 2, expected one of 2"):
        shown_step(recorded(others=[replace(OTHERS[0], device=2)]), "x.json")
