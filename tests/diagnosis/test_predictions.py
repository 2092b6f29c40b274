"""Predictions against steps that are simulated as they would be, costs and all."""

import msgspec
import pytest

from pipebench.diagnosis.predictions import Predictions, _neighbours
from pipebench.diagnosis.step import step_of
from pipebench.records.figures import Baseline, Candidate
from pipebench.records.run import RunRecord
from tests.builders import own_record, with_config
from tests.diagnosis.explained import Costs

SIZES = {"batch": 32, "sequence_length": 1}  # nothing to cut along time


def of(costs: Costs, **config: object) -> Predictions:
    return of_record(with_config(costs.record(), **SIZES | config))


def of_record(record: RunRecord) -> Predictions:
    step = step_of(record)
    assert step is not None
    return Predictions(record, step)


def test_more_slices_fill_better_where_they_cost_no_more() -> None:
    # 96 s of work on 4 devices in 8 slices: as long as the baseline's step, so a slice costs nothing by itself
    found = of(Costs(baseline_s=96.0)).more_slices()
    assert found is not None
    assert found.changes == {"microbatches": 32}
    now_s, then_s = 3 * (8 + 3), 3 / 4 * (32 + 3)
    assert found.times == pytest.approx(now_s / then_s)
    assert of(Costs(baseline_s=96.0)).fewer_slices() is None


def test_fewer_slices_cost_less_where_each_costs_much() -> None:
    # of 96 s only 12 are the baseline's: each slice more than the first costs 12 s
    found = of(Costs(baseline_s=12.0)).fewer_slices()
    assert found is not None
    assert found.changes == {"microbatches": 2}
    work_s = 12.0 + 12.0  # of two slices
    assert found.times == pytest.approx(33 / (work_s / 4 / 2 * (2 + 3)))
    assert of(Costs(baseline_s=12.0)).more_slices() is None


def test_a_batch_that_cannot_be_cut_so_is_not_named() -> None:
    assert (
        of_record(with_config(Costs(baseline_s=96.0).record(), batch=8, sequence_length=1)).more_slices()
        is None
    )


def test_the_latency_of_a_link_does_not_shrink_with_the_slices() -> None:
    """It is 0.1 s (10 us, dilated by 10 and more on this machine), and messages take 0.5 s."""
    record = with_config(Costs(baseline_s=96.0, transfer_s=0.5).record(), batch=16, sequence_length=1)
    assert record.machine is not None
    assert record.machine.link is not None
    link = msgspec.structs.replace(record.machine.link, host_latency_s=0.1)
    machine = msgspec.structs.replace(record.machine, link=link)
    found = of_record(msgspec.structs.replace(record, machine=machine)).more_slices()
    assert found is not None
    assert found.changes["microbatches"] == 16
    assert found.times == pytest.approx((33 + 6 * 0.5) / (1.5 * 19 + 6 * (0.1 + 0.4 / 2)))


def test_slices_that_cannot_be_halved_become_as_few_as_can_be() -> None:
    """7 chunks of 7 words: 1, since 2 and 3 do not divide them."""
    assert _neighbours(7, 7) == [1]
    assert _neighbours(8, 32) == [2, 4, 16, 32]
    assert _neighbours(3, 24) == [1, 6, 12]
    assert _neighbours(6, 90) == [1, 3, 15, 30]
    assert _neighbours(5, 12) == [], "cut unevenly"


def test_a_step_in_one_piece_learns_from_the_race_what_slices_cost() -> None:
    costs = Costs(microbatches=1, schedule="naive", baseline_s=12.0)
    record = with_config(costs.record(), **SIZES)
    unknown = of_record(record).more_slices()  # nobody measured it
    assert unknown is not None
    assert unknown.at_most
    assert unknown.times == pytest.approx(16 / 7)  # 4 stages one after the other, or (4 + 4 - 1) / 4 of one
    race = [Candidate("chain", 1, [12.0], 1), Candidate("chain-microbatches", 4, [13.5], 1)]
    baseline = Baseline("chain", 1, 12.0, 1.0, race)
    found = of_record(msgspec.structs.replace(record, baseline=baseline)).more_slices()
    assert found is not None
    assert found.changes == {"schedule": "gpipe", "microbatches": 4}
    assert found.times == pytest.approx(12 / ((12 + 3 * 0.5) / 4 / 4 * (4 + 3)))


def test_twice_the_batch_makes_slices_larger_or_more_of_them() -> None:
    found = of(Costs(baseline_s=54.0))  # a slice more costs 6 s, the work beside that is 48 s
    larger = found.larger_slices()
    assert larger is not None
    assert larger.larger
    assert larger.changes == {"batch": 64, "microbatches": 8}
    assert larger.times == pytest.approx(2 * 33 / ((96 + 48) / 4 / 8 * (8 + 3)))
    more = found.more_of_the_same()
    assert more is not None
    assert more.changes == {"batch": 64, "microbatches": 16}
    assert more.times == pytest.approx(2 * 33 / (3 * (16 + 3)))


def test_another_schedule_is_named_if_it_is_faster() -> None:
    assert of(Costs()).other_schedule() is None  # 1f1b takes as long, wavefront is gpipe's order


def test_time_is_cut_too_where_there_is_some() -> None:
    found = of(Costs(schedule="wavefront", baseline_s=96.0), batch=8, sequence_length=4).more_slices()
    assert found is not None
    assert found.changes == {"chunks": 4}
    assert found.times == pytest.approx(33 / (3 / 4 * (32 + 3)))


def test_a_balanced_partition_moves_layers_away_from_a_dear_end() -> None:
    """8 layers on 4 devices; the last one has a head as dear as two layers."""
    costs = Costs(stages=dict.fromkeys(range(3), 2.0) | {3: 4.0})
    record = with_config(costs.record(), layers=8, partition=[2, 2, 2, 2], batch=32)
    found = of_record(record).balanced()
    assert found is not None
    assert found.changes == {"partition": "balanced"}
    # 3,2,2,1: 3 of a layer each on the first and on the last device
    # a layer takes 1, what the last one has beyond two layers 2: then 3, 2, 2 and 1 + 2
    now_s, then_s = 3 * (3 * 2 + 8 * 4), 3 * (3 + 2 + 2 + 8 * 3)
    assert found.times == pytest.approx(now_s / then_s)


@pytest.mark.parametrize("layers", [4, 8])
def test_equal_stages_are_balanced_as_they_are(layers: int) -> None:
    record = with_config(Costs().record(), layers=layers, partition=[layers // 4] * 4)
    assert of_record(record).balanced() is None


def test_a_baseline_on_several_devices_does_not_say_what_a_slice_costs() -> None:
    record = Costs(baseline_s=96.0).record()
    baseline = Baseline("naive", 1, 96.0, 1.0, [], devices=2)
    found = of_record(with_config(msgspec.structs.replace(record, baseline=baseline), **SIZES))
    assert found.more_slices() is None
    assert found.fewer_slices() is None
    assert found.larger_slices() is None


def test_one_device_is_not_promised_anything_of_a_larger_batch() -> None:
    found = of(Costs(devices=1, baseline_s=20.0))
    assert found.larger_slices() is None
    assert found.more_of_the_same() is None


def test_layers_of_the_user_s_own_need_not_cost_the_same() -> None:
    costs = Costs(stages=dict.fromkeys(range(3), 2.0) | {3: 4.0})
    record = with_config(costs.record(), layers=8, partition=[2, 2, 2, 2], batch=32)
    own = with_config(record, model=own_record().config.model)
    assert of_record(record).balanced() is not None
    assert of_record(own).balanced() is None
