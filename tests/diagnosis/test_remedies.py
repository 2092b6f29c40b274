import re

import msgspec
import pytest

from pipebench.diagnosis import waterfall as steps
from pipebench.diagnosis.remedies import Remedies, Remedy
from pipebench.diagnosis.step import step_of
from pipebench.records.run import RunRecord
from tests.builders import own_record, with_config
from tests.diagnosis.explained import Costs


def remedies(record: RunRecord, **more: float) -> Remedies:
    step = step_of(record)
    assert step is not None
    return Remedies(record, step, name="latest", **more)


def of(name: str, costs: Costs, **config: object) -> Remedy:
    record = with_config(costs.record(), **{"batch": 32, "sequence_length": 1} | config)
    found = remedies(record).of(name, 0.5)
    assert found is not None
    return found


def test_nothing_lost_needs_no_remedy() -> None:
    found = remedies(Costs().record())
    assert found.of(steps.FILL, 0.999) is None
    assert found.of(steps.FILL, 1.1) is None
    assert found.of(steps.DEVICES, 4.0) is None
    assert found.of(steps.UNEXPLAINED, 0.98) is None


def test_a_step_that_does_not_stand_for_all_launches_is_to_be_measured_again() -> None:
    found = remedies(Costs().record()).of(steps.UNEXPLAINED, 0.9)
    assert found is not None
    assert found.text.startswith("on an idle machine: pipebench run ")
    assert "--launches 12 " in f"{found.text} "
    assert found.text.count("--launches") == 1


def test_what_wins_nothing_is_no_remedy() -> None:
    assert remedies(Costs().record()).of(steps.TRANSFERS, 0.5) is None  # messages take no time
    assert remedies(Costs().record()).of(steps.SLICES, 0.5) is None


def test_a_command_stands_with_the_gain_that_is_predicted_for_it() -> None:
    found = of(steps.WORK, Costs(baseline_s=12.0))
    assert found.gain == pytest.approx(33 / (24 / 4 / 2 * (2 + 3)))
    assert found.command is not None
    assert found.text.startswith(f"{found.command}: ")
    assert found.command.startswith("pipebench run --gpus 4 ")
    assert "--microbatches 2" in found.text
    assert "2.20 times as fast by simulation, with fewer slices" in found.text


def test_more_slices_win_back_fill_and_drain() -> None:
    found = of(steps.FILL, Costs(baseline_s=96.0))
    assert "--microbatches 32: 1.26 times as fast by simulation, with more slices" in found.text


def test_where_this_batch_cannot_win_a_larger_one_is_named_and_what_it_wins_is_throughput() -> None:
    found = of(steps.FILL, Costs(baseline_s=54.0))
    assert "--batch 64" in found.text
    assert "1.16 times the words/s by simulation" in found.text
    assert found.text.endswith("it takes more memory")
    work = of(steps.WORK, Costs(baseline_s=60.0), batch=8)
    assert "--batch 16" in work.text


def test_unequal_stages() -> None:
    slow = Costs(stages={2: 1.5})
    found = of(steps.STAGES, slow)
    most = 3 * (3 + 8 * 1.5) / (3 * 4.5 / 4 * 11)
    assert found.text.startswith(
        f"equal stages would make the step {most:.2f} times as fast; device 2 holds no more"
    )
    assert found.gain == pytest.approx(most)
    assert found.command is None  # nothing that could be tried
    sharing = remedies(with_config(slow.record(), batch=32), gain_of_sharing=1.2).of(steps.STAGES, 0.8)
    assert sharing is not None
    assert "--softmax-devices all: at most 1.20 times as fast" in sharing.text
    heavy = Costs(stages=dict.fromkeys(range(3), 2.0) | {3: 4.0})
    assert "--partition balanced" in of(steps.STAGES, heavy, layers=8, partition=[2, 2, 2, 2]).text


def test_what_messages_hide_of_unequal_stages_is_told() -> None:
    """The waterfall has its factor without messages, and a change is tried with them."""
    slow = Costs(stages={2: 1.5}, transfer_s=1.2)
    text = of(steps.STAGES, slow).text
    step = step_of(slow.record())
    assert step is not None
    factor = 1 / dict(step.waterfall)[steps.STAGES]
    found = re.match(
        r"equal stages would make the step ([\d.]+) times as fast \(([\d.]+) times, as the factor", text
    )
    assert found is not None
    assert float(found[2]) == pytest.approx(factor, abs=0.005)
    assert float(found[1]) < float(found[2]) - 0.02
    assert "as the factor says" not in of(steps.STAGES, Costs(stages={2: 1.5})).text


def test_messages_slices_and_the_rest() -> None:
    slow_link = of(steps.TRANSFERS, Costs(transfer_s=0.5))
    assert (
        slow_link.text
        == "a faster link: messages that take half the time would make the step 1.04 times as fast: "
        "pipebench explain latest --what-if 'link x 0.5'"
    )
    assert slow_link.gain == pytest.approx(36 / 34.5)
    assert "microbatches of equal cost" in of(steps.SLICES, Costs(slices={3: 2.0})).text
    mixed = of(steps.SLICES, Costs(slices={3: 2.0}), bucket=False)
    assert "--no-bucket" not in mixed.text
    assert "at most 1.21 times as fast by simulation, with sentences of like length" in mixed.text
    for name in (steps.VARIATION, steps.HOST, steps.SHARED, steps.WAITING):
        assert of(name, Costs()).text


def test_of_a_schedule_that_this_version_does_not_have_nothing_is_predicted() -> None:
    record = with_config(Costs().record(), schedule="of a later version")
    found = remedies(record).of(steps.FILL, 0.5)
    assert found is not None
    assert found.gain is None


def test_a_model_of_the_user_s_own_is_told_what_to_change() -> None:
    record = with_config(Costs(baseline_s=12.0).record(), batch=32, sequence_length=None)
    own = msgspec.structs.replace(
        record, config=msgspec.structs.replace(record.config, model=own_record().config.model)
    )
    found = remedies(own).of(steps.WORK, 0.5)
    assert found is not None
    assert found.text.startswith("the same run with --microbatches 2: 2.20 times as fast")
