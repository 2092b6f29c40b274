"""What a record says of a run's input: how long the slices are that it is cut into."""

import msgspec
import pytest

from pipebench.models.outline import BATCHES
from pipebench.models.registry import given_to, network_for
from pipebench.run.recorded_config import input_record
from tests.builders import run_config


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
    record = input_record(config, given)
    assert record is not None
    assert record.slice_steps == [min(steps), max(steps)]


def test_a_text_is_cut_into_slices_that_are_all_alike() -> None:
    config = run_config(synthetic=True)
    record = input_record(config, given_to(config))
    assert record is not None
    assert record.slice_steps is None


def test_an_input_that_was_not_read_is_none() -> None:
    assert input_record(run_config(), None) is None
