import pytest

from pipebench.config import budget, fitting
from pipebench.errors import EnvironmentRefusedError
from pipebench.models.layout import stage_slices
from pipebench.models.outline import Slice, whole_memory
from tests.builders import run_config

SIZES = {"gpus": 4, "layers": 8, "hidden": 64, "vocab": 200, "batch": 16, "sequence_length": 4}


def naive_bytes(config: object, part: Slice) -> int:
    outline = config.outline  # type: ignore[attr-defined]
    return outline.memory(part, outline.saved_bytes(part, 1)).total


def test_without_a_size_of_memory_nothing_is_decided() -> None:
    config = run_config(**SIZES)
    assert fitting.fitted(config) == (config, None)


def test_a_model_that_fits_on_one_device_keeps_its_single_device() -> None:
    config = run_config(**SIZES, memory="1GiB")
    assert fitting.fitted(config) == (config, None)
    assert config.baseline_devices == 1


def test_gradient_accumulation_on_one_device_comes_before_several_devices() -> None:
    config = run_config(**SIZES)
    least, all_at_once = fitting.least_memory(config.outline).total, whole_memory(config.outline).total
    assert least < all_at_once
    between = run_config(**SIZES, memory=f"{all_at_once - 1}B")
    assert fitting.fitted(between)[0].baseline_partition is None
    counts = budget.baseline_counts(config.outline)
    assert counts == [1, 2, 4, 8, 16]
    assert fitting.forms_that_fit(config.outline, counts, all_at_once - 1) == [2, 4, 8, 16]
    assert fitting.forms_that_fit(config.outline, counts, least) == [16]
    assert fitting.forms_that_fit(config.outline, counts, None) == counts


def test_the_fewest_devices_that_it_fits_on_are_taken_and_it_is_said() -> None:
    config, tried = run_config(**SIZES), 0
    for devices in (2, 3, 4):
        fullest = max(
            naive_bytes(config, part) for part in stage_slices(fitting.by_memory(config.outline, devices))
        )
        if fullest >= fitting.least_memory(config.outline).total:
            continue
        tried += 1
        found, line = fitting.fitted(run_config(**SIZES, memory=f"{fullest}B"))
        assert found.baseline_partition is not None
        assert found.baseline_devices == devices
        assert line is not None
        assert f"the speed-up is relative to {devices} devices" in line
        fewer = found.baseline_devices - 1
        if fewer > 1:
            partition = fitting.by_memory(config.outline, fewer)
            assert max(naive_bytes(config, part) for part in stage_slices(partition)) > fullest
    assert tried, "at these sizes some number of devices holds what one cannot"


def test_the_partition_by_memory_has_the_emptiest_fullest_device() -> None:
    config = run_config(**SIZES)
    partition = fitting.by_memory(config.outline, 4)
    assert sum(partition) == 8
    fullest = max(naive_bytes(config, part) for part in stage_slices(partition))
    even = max(naive_bytes(config, part) for part in stage_slices((2, 2, 2, 2)))
    assert fullest <= even


def test_a_stage_that_does_not_fit_is_refused_with_its_device_and_what_helps() -> None:
    with pytest.raises(EnvironmentRefusedError) as refused:
        fitting.fitted(run_config(**SIZES, memory="1KiB"))
    text = str(refused.value)
    assert text.startswith("would not fit: device 0 (embedding + LSTM 0-1) needs ")
    assert text.endswith("--memory is 1.0 KiB; use more devices, more --microbatches or --checkpoint always")


@pytest.mark.parametrize(
    ("options", "help_"),
    [
        ({"schedule": "wavefront-zb"}, "use more devices, or more --microbatches together with --most-alive"),
        ({"schedule": "zb-h1"}, "use more devices or more --microbatches"),
        ({"cell": "split"}, "use more devices, or leave out --cell"),
    ],
)
def test_split_cells_are_told_of_what_they_may_use(options: dict[str, str], help_: str) -> None:
    with pytest.raises(EnvironmentRefusedError) as refused:
        fitting.fitted(run_config(**{**SIZES, **options}, memory="1KiB"))
    assert str(refused.value).endswith(f"--memory is 1.0 KiB; {help_}")


def test_what_split_cells_are_told_of_takes_less_memory() -> None:
    def fullest(**options: object) -> int:
        config = run_config(**{**SIZES, **options})
        return max(each.total for each in budget.device_memory(config, config.planned_partition))

    for schedule, less in (("wavefront-zb", {"most_alive": 4}), ("zb-h1", {})):
        few = {"schedule": schedule, "chunks": 4, "microbatches": 4}
        assert fullest(**few | less | {"microbatches": 8}) < fullest(**few)


def test_where_the_naive_schedule_fits_nowhere_there_is_nothing_to_compare_with() -> None:
    sizes = SIZES | {"batch": 1024, "sequence_length": 16, "microbatches": 256, "schedule": "1f1b"}
    config = run_config(**sizes)
    fullest = max(memory.total for memory in budget.device_memory(config, config.partition or ()))
    assert fullest < fitting.least_memory(config.outline).total
    with pytest.raises(
        EnvironmentRefusedError, match="nothing to compare with: on 4 devices the naive schedule"
    ):
        fitting.fitted(run_config(**sizes, memory=f"{fullest}B"))


def test_where_this_machine_has_too_little_for_the_whole_batch_the_baseline_takes_it_in_microbatches() -> (
    None
):
    config = run_config(**SIZES | {"batch": 1024, "hidden": 256, "schedule": "1f1b", "microbatches": 256})
    needed = budget.host_bytes(config)
    assert fitting.on_this_machine(config, needed) == (config, None)
    assert fitting.on_this_machine(config, None) == (config, None)
    limited, line = fitting.on_this_machine(config, needed - 1)
    assert line is not None
    assert "the baseline takes it in microbatches" in line
    assert limited.single_limit is not None
    counts = budget.baseline_counts(config.outline)
    assert fitting.forms_that_fit(config.outline, counts, limited.single_limit) == [2, 4, 8, 16]
    assert budget.host_bytes(limited) < needed
    budget.check_memory(limited, needed - 1)


def test_a_machine_too_small_for_the_pipeline_itself_is_refused_as_ever() -> None:
    config = run_config(**SIZES)
    assert fitting.on_this_machine(config, 2**20) == (config, None)
    with pytest.raises(EnvironmentRefusedError, match="would not fit in memory"):
        budget.check_memory(config, 2**20)
