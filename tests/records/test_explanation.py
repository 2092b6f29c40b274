import msgspec
import pytest

from pipebench.records.explanation import WaterfallStep


def test_a_step_is_written_and_read() -> None:
    step = WaterfallStep("overlap", 0.68, "fill, drain and waiting", "--microbatches 32", 1.2)
    assert msgspec.json.decode(msgspec.json.encode(step), type=WaterfallStep) == step
    assert msgspec.json.decode(b'{"step": "devices", "factor": 8, "what": ""}', type=WaterfallStep) == (
        WaterfallStep("devices", 8.0, "")
    )


@pytest.mark.parametrize("wrong", ['"factor": 0', '"factor": -1', '"factor": 1, "gain": 0'])
def test_factors_are_above_0(wrong: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(f'{{"step": "x", "what": "", {wrong}}}', type=WaterfallStep)
