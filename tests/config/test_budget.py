import pytest

from pipebench.config import budget
from pipebench.errors import EnvironmentRefusedError
from pipebench.models.outline import Slice, whole
from pipebench.models.partition import computed_balanced
from tests.builders import run_config


def test_a_step_takes_its_operations_over_the_assumed_rate() -> None:
    config = run_config()
    flops = config.outline.step_flops(whole(config.outline))
    assert budget.step_s(config) == pytest.approx(flops / 85e9, rel=1e-12)
    assert budget.step_s(run_config(dtype="float64")) == pytest.approx(2 * flops / 85e9, rel=1e-12)


def test_a_launch_starts_and_runs_both_kinds_warm_up_included() -> None:
    config = run_config(steps=5, warmup=3)
    assert budget.launch_s(config) == pytest.approx(3.0 + 2 * 8 * budget.step_s(config), rel=1e-12)


def test_a_run_is_its_launches_and_one_race_with_verification() -> None:
    config = run_config(launches=7)
    expected = 12 * budget.step_s(config) + 7 * budget.launch_s(config)
    assert budget.run_s(config) == pytest.approx(expected, rel=1e-12)


def test_the_deadline_is_the_given_one() -> None:
    assert budget.deadline_s(run_config(deadline_s=5.0)) == 5.0


def test_the_default_deadline_is_10_times_the_estimate_and_at_least_600_seconds() -> None:
    short = run_config()
    assert 10 * budget.run_s(short) < 600
    assert budget.deadline_s(short) == 600
    long = run_config(launches=1000)
    assert budget.deadline_s(long) == 10 * budget.run_s(long) > 600


def test_the_planned_partition_is_the_given_one_or_balanced_by_operations() -> None:
    assert run_config(layers=4, partition="3,1").planned_partition == (3, 1)
    config = run_config(layers=4, vocab=32 * 16, partition="balanced")
    assert config.planned_partition == computed_balanced(config.outline, config.row, 2) == (3, 1)


def test_memory_of_a_device_follows_its_layers_and_its_schedule() -> None:
    sizes = {"gpus": 4, "layers": 4, "microbatches": 16}
    gpipe, alternating = run_config(**sizes), run_config(schedule="1f1b", **sizes)
    partition = (1, 1, 1, 1)
    ends = [(0, 1, True, False), (1, 2, False, False), (2, 3, False, False), (3, 4, False, True)]
    stages = [Slice(first, end, opens=e, closes=p) for first, end, e, p in ends]
    for config, alive in ((gpipe, [16] * 4), (alternating, [4, 3, 2, 1])):
        assert budget.device_memory(config, partition) == [
            config.outline.memory(stage, count * config.outline.saved_bytes(stage, 16))
            for stage, count in zip(stages, alive, strict=True)
        ]


def test_checkpointing_keeps_inputs_and_one_whole_slice() -> None:
    sizes = {"gpus": 4, "layers": 4, "microbatches": 16}
    for checkpoint in ("always", "except-last"):
        config = run_config(checkpoint=checkpoint, **sizes)
        middle = budget.device_memory(config, (1, 1, 1, 1))[1]
        stage = Slice(1, 2, opens=False, closes=False)
        whole, input_ = config.outline.saved_bytes(stage, 16), config.outline.input_bytes(stage, 16)
        assert middle.saved_tensors == 15 * input_ + whole


def test_1f1b_saves_memory_on_every_stage() -> None:
    sizes = {"gpus": 4, "layers": 4, "microbatches": 16}
    gpipe = budget.device_memory(run_config(**sizes), (1, 1, 1, 1))
    alternating = budget.device_memory(run_config(schedule="1f1b", **sizes), (1, 1, 1, 1))
    ratios = [less.saved_tensors / more.saved_tensors for less, more in zip(alternating, gpipe, strict=True)]
    assert ratios == [4 / 16, 3 / 16, 2 / 16, 1 / 16]


def test_the_host_holds_both_models_and_the_larger_of_what_they_save() -> None:
    config = run_config()
    assert budget.host_bytes(config) > 500 * 2**20
    more = budget.host_bytes(run_config(hidden=512)) - budget.host_bytes(config)
    parameters = [c.outline.parameters(whole(c.outline)) * 4 for c in (run_config(hidden=512), config)]
    assert more > 4 * (parameters[0] - parameters[1])  # of both models: parameters and gradients


def test_a_run_that_fits_is_let_through() -> None:
    config = run_config()
    budget.check_memory(config, budget.host_bytes(config))
    budget.check_memory(config, None)  # what the system does not tell is not held against the run


def test_a_run_that_would_not_fit_is_refused_with_both_sizes_and_the_remedy() -> None:
    config = run_config(hidden=4096, vocab=100_000)
    needed = budget.host_bytes(config)
    with pytest.raises(EnvironmentRefusedError) as caught:
        budget.check_memory(config, needed - 1)
    text = str(caught.value)
    assert text.startswith(f"would not fit in memory: {needed / 2**30:.1f} GiB needed (computed)")
    assert "available; use a smaller --batch, --hidden or --vocab" in text


def test_gpus_are_taken_to_be_faster_and_hold_the_models_themselves() -> None:
    cpu, cuda = run_config(device="cpu", hidden=512), run_config(device="cuda", hidden=512)
    assert budget.step_s(cuda) < budget.step_s(cpu)
    larger = run_config(device="cuda", hidden=1024)
    assert budget.host_bytes(larger) == budget.host_bytes(cuda)
    assert 0 < budget.host_bytes(cuda) - 2 * 2 * 2**30 < 2**28


@pytest.mark.parametrize(
    ("limited", "available_bytes", "words"),
    [
        (False, 2**20, "0.0 GiB available; end other programs"),
        (True, 2**20, "the container's limit leaves 0.0 GiB; raise that limit"),
    ],
)
def test_what_leaves_the_least_memory_is_named_with_what_can_help(
    limited: bool, available_bytes: int, words: str
) -> None:
    with pytest.raises(EnvironmentRefusedError) as refused:
        budget.check_memory(run_config(layers=2), available_bytes, limited=limited)
    assert str(refused.value).endswith(words)
    large = run_config(layers=2, hidden=4096, batch=128)
    with pytest.raises(EnvironmentRefusedError, match="use a smaller --batch, --hidden or --vocab, or "):
        budget.check_memory(large, 2**30, limited=limited)
