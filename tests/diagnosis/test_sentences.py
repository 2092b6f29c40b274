import pytest

from pipebench.diagnosis import waterfall as steps
from pipebench.diagnosis.sentences import Sentences
from pipebench.diagnosis.step import step_of
from pipebench.plan.actions import parse_action
from pipebench.records.config import ModelRecord
from tests.builders import with_config
from tests.diagnosis.explained import Costs


def sentences(costs: Costs, **config: object) -> Sentences:
    record = with_config(costs.record(), **config)
    step = step_of(record)
    assert step is not None
    return Sentences(record, step, dict(step.waterfall))


@pytest.mark.parametrize(
    ("name", "costs", "told"),
    [
        (
            steps.DEVICES,
            Costs(),
            "4 emulated devices would be 4 times as fast as one device if nothing were lost",
        ),
        (
            steps.WORK,
            Costs(),
            "the work of 8 slices takes 1.20 times as long as the baseline's step (fused); what",
        ),
        (steps.STAGES, Costs(stages={2: 1.5}), "device 2 (LSTM 2) has 1.33 times the mean work"),
        (
            steps.FILL,
            Costs(),
            "while the first of 8 slices come and the last ones go, devices have nothing to do",
        ),
        (steps.FILL, Costs(microbatches=1, schedule="naive"), "with a single slice devices take turns"),
        (steps.WAITING, Costs(), "no order of the actions would take less"),
        (steps.SLICES, Costs(slices={3: 2.0}), "the longest slice takes 1.78 times the mean one"),
        (
            steps.TRANSFERS,
            Costs(transfer_s=0.25),
            "48 messages are on the way for 250 ms on average, and some are waited for",
        ),
        (
            steps.TRANSFERS,
            Costs(transfer_s=1e-9),
            "48 messages are on the way for 0.001 us on average, and waiting",
        ),
        (steps.VARIATION, Costs(), "actions are 0.0 % longer or shorter"),
        (steps.HOST, Costs(before={0: 1.0}), "zeroing and update take 250 ms of each device on average"),
        (
            steps.UNEXPLAINED,
            Costs(),
            "the recorded step takes 1.000 times what the steps of all 2 launches take",
        ),
    ],
)
def test_each_step_has_a_sentence_with_the_record_s_figures(name: str, costs: Costs, told: str) -> None:
    assert sentences(costs).of(name).startswith(told)


def test_what_a_small_slice_costs_is_this_host_s_where_devices_are_emulated() -> None:
    assert "what a small slice costs is this host's, not the card's" in sentences(Costs()).of(steps.WORK)
    wall = sentences(Costs(late={parse_action("3F4"): 2.0}))
    assert "host's" not in wall.of(steps.WORK)
    assert "the host is late by 500 ms of each" in wall.of(steps.HOST)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("transformer", "; the last chunk of time takes 3.00 times the first, since more came before it"),
        ("mine", "; the last chunk of time takes 3.00 times the first, since more came before it"),
        (None, "; all are equally long, so that is the machine's doing"),
    ],
)
def test_chunks_that_attend_to_those_before_them_may_take_longer(model: str | None, told: str) -> None:
    costs = Costs(microbatches=2, chunks=4, pieces={0: 0.5, 3: 1.5})
    named = None if model is None else ModelRecord(model, [])
    assert sentences(costs, model=named).of(steps.SLICES).endswith(told)


def test_a_step_that_does_not_stand_for_all_launches_says_so() -> None:
    costs = Costs()
    record = costs.record(pipeline_s=40.0)
    step = step_of(record)
    assert step is not None
    assert (
        Sentences(record, step, dict(step.waterfall))
        .of(steps.UNEXPLAINED)
        .endswith("does not stand for them")
    )


def test_forwards_that_run_again_are_named() -> None:
    assert "with forwards that run again" in sentences(Costs(), checkpoint="all").of(steps.WORK)
