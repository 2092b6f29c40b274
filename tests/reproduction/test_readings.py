"""What is measured for each reading of the claim."""

import pytest

from pipebench.plan.device_kind import DeviceKind
from pipebench.reproduction.readings import DEVICES, pipeline_text, pipelines


@pytest.mark.parametrize(
    ("full_size", "presets"),
    [(False, ["talk8-small", "seq2seq-2014-small"]), (True, ["talk8", "seq2seq-2014"])],
)
def test_both_readings_on_8_devices_each_with_two_pipelines(presets: list[str], *, full_size: bool) -> None:
    found = pipelines(DeviceKind.EMULATED, full_size=full_size)
    assert [each.reading for each in found] == ["talk", "paper"]
    assert [config.preset for each in found for config in each.configs[:1]] == presets
    for each in found:
        assert each.full_size is full_size
        assert all(config.gpus == DEVICES == 8 for config in each.configs)
        assert len({config.preset for config in each.configs}) == 1  # against one baseline
    talk, paper = (each.configs for each in found)
    assert [config.schedule for config in talk] == ["gpipe", "wavefront"]
    assert all(config.partition == (1,) * 8 for config in talk)
    assert all(config.partition == (1, 1, 1, 1) and config.softmax_devices == 4 for config in paper)
    assert [config.schedule for config in paper] == ["wavefront", "wavefront"]
    one_step, several = paper
    assert one_step.chunks == one_step.sequence_length
    assert 1 < several.chunks < one_step.chunks


def test_a_pipeline_is_told_in_a_few_words() -> None:
    talk, paper = (each.configs for each in pipelines(DeviceKind.EMULATED, full_size=False))
    assert pipeline_text(talk[0]) == "gpipe, 16 microbatches"
    assert pipeline_text(talk[1]) == "wavefront, 4 microbatches x 8 chunks"
    assert pipeline_text(paper[0]) == "wavefront, 1 microbatch x 24 chunks"
