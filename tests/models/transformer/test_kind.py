from typing import Any

import msgspec
import pytest

from pipebench.errors import UsageError
from pipebench.models.registry import MODELS, kind_of
from pipebench.models.transformer.kind import TransformerKind
from pipebench.models.transformer.outline import PRESETS, TransformerOutline
from pipebench.plan.device_kind import DeviceKind
from tests.builders import run_config
from tests.models.transformer.building import SMALL, asked_for

KIND = TransformerKind()


def tiny(**options: Any) -> Any:
    given = {"model": "transformer", "preset": "transformer-tiny", "layers": None, "synthetic": True}
    return run_config(**(given | options))


def test_the_registry_knows_it_and_its_presets() -> None:
    assert isinstance(kind_of("transformer"), TransformerKind)
    assert MODELS["transformer"].presets is PRESETS
    assert (KIND.learning_rate, KIND.clipping, KIND.even_chunks, KIND.segments) == (0.1, None, True, 1)
    assert KIND.past_grows


def test_its_outline_has_the_sizes_that_were_asked_for() -> None:
    assert asked_for(SMALL).outline == SMALL
    found = {"onednn_projection": False, "onednn_blocks": False}
    known = msgspec.structs.replace(tiny(), found=found)
    assert known.outline == TransformerOutline(4, 32, 2, 200, 32, 16)


@pytest.mark.parametrize("faster", [False, True])
def test_what_a_launch_found_is_taken(*, faster: bool) -> None:
    found = {"onednn_projection": faster, "onednn_blocks": not faster}
    outline = KIND.outline(msgspec.structs.replace(tiny(), found=found))
    assert (outline.onednn, outline.onednn_blocks) == (faster, not faster)


def test_before_that_the_most_that_it_can_need_is_assumed() -> None:
    assert tiny().outline.onednn_blocks
    assert not tiny(dtype="float64").outline.onednn_blocks
    assert not msgspec.structs.replace(tiny(), device=DeviceKind.CUDA).outline.onednn_blocks


def test_heads_divide_the_width() -> None:
    with pytest.raises(UsageError, match="--hidden 32: expected a multiple of the 3 heads"):
        tiny(heads=3)


def test_words_are_counted_as_of_the_stacked_lstm() -> None:
    given = KIND.given(tiny())
    assert (given.source.unit, given.source.items) == ("words", (32 * 16,) * 4)
