"""A launch of the encoder-decoder is verified, and an update or a gradient that is wrong is noticed."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from torch import Tensor

from pipebench.config.run_config import RunConfig
from pipebench.engine.device import CpuDevice
from pipebench.engine.stage import Stage
from pipebench.errors import RunFailedError
from pipebench.launching.messages import Job
from pipebench.measuring.pair import EmulatedPair
from pipebench.measuring.ranked_naive import _fits
from pipebench.measuring.verification import check_same_loss
from pipebench.models.registry import given_to, network_for
from pipebench.models.sgd import ClippedSGD
from tests.builders import network_of
from tests.engine.encoder_decoders import SOME, TOLERANCE, Case, Shape, both, config, errors
from tests.engine.live_ranks import Group

pytestmark = pytest.mark.usefixtures("one_thread")


def launched(asked: RunConfig) -> EmulatedPair:
    """A launch up to its verification."""
    given = given_to(asked)
    pair = EmulatedPair(Job(config=asked.with_input(given), data=given.data), network_for(asked, given.data))
    pair.prime()
    pair.race(lambda _: None)
    return pair


@pytest.mark.parametrize("naive", [None, (4,), (2, 2), (1, 2, 1), (3, 1, 0)], ids=str)
def test_a_launch_verifies_start_gradients_loss_and_a_clipped_update(
    files: dict[str, str], naive: tuple[int, ...] | None
) -> None:
    """Against one device, and against the naive schedule on several."""
    asked = msgspec.structs.replace(config(SOME, files), baseline_partition=naive)
    pair = launched(asked)
    verification = pair.verify()
    assert verification.max_relative_gradient_error <= 1e-12
    assert verification.max_relative_parameter_error is not None
    assert verification.max_relative_parameter_error <= 1e-12
    assert verification.tensors == 2 + 4 * 2 * 4 + 2, "a shared tensor is one tensor"
    for number in range(3):
        assert pair.baseline_step(number) > 0
        pair.pipeline_step(number)
        check_same_loss(pair.single.loss(), pair.pipeline.loss(), steps=1)
    assert pair.pipeline.loss() == pytest.approx(pair.single.loss(), rel=1e-12)


@pytest.mark.parametrize("naive", [(2, 2), (3, 1, 0)], ids=str)
def test_real_ranks_are_verified_against_the_naive_schedule(
    live_ranks: Group, tmp_path: Path, files: dict[str, str], naive: tuple[int, ...]
) -> None:
    case = Case(Shape(4, "all"), ("gpipe", 2, 3), bucket=False)
    asked = msgspec.structs.replace(config(case, files, device="cpu"), baseline_partition=naive)
    result = live_ranks.run(asked, tmp_path)
    assert result["error"] <= 1e-12
    assert result["parameter_error"] <= 1e-12


@pytest.mark.parametrize("partition", [(2, 2), (3, 1, 0)])
def test_each_device_s_part_of_the_naive_schedule_can_be_tried_by_itself(
    files: dict[str, str], partition: tuple[int, ...]
) -> None:
    """With empty messages, as GPUs do to see whether it fits."""
    network = network_of(config(SOME, files))
    for rank in range(len(partition)):
        assert _fits(network, CpuDevice(), partition, rank)


@pytest.mark.parametrize("device", range(3))
def test_a_share_of_the_norm_that_is_dropped_is_noticed(
    files: dict[str, str], device: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gradients are right then, and the update is not."""
    asked = config(SOME, files)
    pipeline, baseline = both(asked)

    def nothing() -> Tensor:
        return torch.zeros(1, dtype=torch.float64)

    monkeypatch.setattr(pipeline.executors[device].optimizer, "squared_norm", nothing)
    found = errors(asked, pipeline, baseline, steps=1)
    assert max(found.gradients, found.loss) <= TOLERANCE["float64"]
    assert found.parameters > 10 * TOLERANCE["float32"]
    pair = launched(asked)
    monkeypatch.setattr(pair.pipeline.executors[device].optimizer, "squared_norm", nothing)
    with pytest.raises(RunFailedError, match="after one update with the same gradients"):
        pair.verify()


def test_a_device_that_clips_by_its_own_share_is_noticed(
    files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = config(SOME, files)
    monkeypatch.setattr(ClippedSGD, "clip", lambda self, _: None)
    found = errors(asked, *both(asked), steps=1)
    assert max(found.gradients, found.loss) <= TOLERANCE["float64"]
    assert found.parameters > 10 * TOLERANCE["float32"]


def test_a_state_whose_gradient_does_not_cross_to_the_encoder_is_noticed(
    files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = config(SOME, files)
    right = Stage.backward

    def wrong(self: Stage, microbatch: int, chunk: int, received: Any) -> Any:
        found = right(self, microbatch, chunk, received)
        if chunk == asked.chunks:  # the first one of the decoder
            self._carried_gradients[microbatch] = None
        return found

    monkeypatch.setattr(Stage, "backward", wrong)
    assert errors(asked, *both(asked), steps=1).gradients > 0.5
