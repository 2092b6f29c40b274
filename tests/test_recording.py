"""A record of a run that ended before it knew all it was to measure, and what one says of its slices."""

import msgspec
import pytest

from pipebench.models.outline import BATCHES
from pipebench.models.registry import given_to, network_for
from pipebench.recording import SoFar, _slice_steps, record_of
from tests.builders import run_config


def test_gpus_that_no_rank_has_named_are_named_by_the_driver_not_by_the_cpu() -> None:
    so_far = SoFar(run_config(device="cuda", gpus=2), environment={"gpu0_name": "H100"})
    assert record_of(so_far, "failed").device.names == ["H100", "unknown GPU"]
    so_far.device_names = ["NVIDIA H100", "NVIDIA H100"]
    assert record_of(so_far, "failed").device.names == so_far.device_names


@pytest.mark.parametrize(("microbatches", "chunks"), [(1, 1), (4, 5), (32, 12), (2, 7)])
def test_the_shortest_and_the_longest_slice_are_those_that_are_run(microbatches: int, chunks: int) -> None:
    config = run_config(
        model="seq2seq",
        preset="seq2seq-tiny",
        layers=4,
        bucket=False,
        microbatches=microbatches,
        chunks=chunks,
    )
    given = given_to(config)
    network = network_for(msgspec.structs.replace(config, found={"onednn_projection": False}), given.data)
    cut = [network.batch(n, microbatches=microbatches, chunks=chunks).steps or () for n in range(BATCHES)]
    steps = [length for batch in cut for each in batch for length in each]
    assert _slice_steps(given, config) == [min(steps), max(steps)]


def test_a_text_is_cut_into_slices_that_are_all_alike() -> None:
    config = run_config(synthetic=True)
    assert _slice_steps(given_to(config), config) is None
