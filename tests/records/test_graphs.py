import pytest
from msgspec.structs import replace

from pipebench.errors import CorruptRecordError
from pipebench.records.graphs import timeline_of_run, timeline_of_simulation
from pipebench.records.timelines import timeline_record
from pipebench.simulate.options import SimulationOptions
from pipebench.simulate.simulation import simulation
from tests.builders import completed_record, ended_run, simulation_record, with_config
from tests.cells import PLANS, record_of_cells, step_of_cells


def test_the_step_of_a_run_is_the_one_that_was_stored() -> None:
    record = completed_record()
    timeline = timeline_of_run(record)
    assert timeline is not None
    assert timeline.makespan_s == record.timeline.makespan_s
    assert timeline.graph.devices == record.config.gpus
    assert len(timeline.spans) == len(record.timeline.spans)


def test_a_run_that_ended_before_has_none() -> None:
    assert timeline_of_run(ended_run(completed_record(), timeline=None)) is None


def test_the_step_of_a_simulation_is_the_one_that_was_stored() -> None:
    record = simulation_record()
    timeline = timeline_of_simulation(record)
    assert timeline.makespan_s == record.makespan_s
    assert timeline.graph.devices == record.config.stages


def test_a_step_whose_backwards_run_in_halves_is_one_of_halves() -> None:
    record = simulation(SimulationOptions(schedule="zb-h1", stages=2, softmax_devices="all"))
    timeline = timeline_of_simulation(record)
    assert timeline.graph.split_backward
    assert len(timeline.spans) == 16 * 3 * 5  # two stages, two shards and the loss
    whole = replace(record, config=replace(record.config, schedule="1f1b"))
    with pytest.raises(CorruptRecordError, match="not one of this configuration"):
        timeline_of_simulation(whole)


def test_a_timeline_of_another_configuration_is_refused() -> None:
    with pytest.raises(CorruptRecordError, match="not one of this configuration"):
        timeline_of_run(with_config(completed_record(), gpus=1, partition=[1]))
    simulated = simulation_record()
    with pytest.raises(CorruptRecordError, match="not one of this configuration"):
        timeline_of_simulation(replace(simulated, config=replace(simulated.config, microbatches=1)))


@pytest.mark.parametrize("name", PLANS)
def test_a_step_with_cells_is_the_one_that_was_stored(name: str) -> None:
    record = record_of_cells(PLANS[name])
    timeline = timeline_of_run(record)
    assert timeline is not None
    assert timeline.graph.split_backward
    assert timeline.plan.programs == PLANS[name].programs


def test_a_simulation_with_halves_is_read_back() -> None:
    simulated = simulation_record()
    plan = PLANS["zero bubble"]
    timeline = step_of_cells(plan)
    config = replace(simulated.config, schedule="zb-h1", stages=4, microbatches=8)
    config = replace(config, backward_input_s=1.0, backward_weight_s=1.0)
    record = replace(simulated, config=config, timeline=timeline_record(timeline, clock="simulated"))
    assert timeline_of_simulation(record).plan == plan
