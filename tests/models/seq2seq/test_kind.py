from typing import Any

import msgspec
import pytest

from pipebench.models.kind import Given
from pipebench.models.outline import BATCHES, whole
from pipebench.models.pairs.data import PairData
from pipebench.models.registry import MODELS, kind_of
from pipebench.models.seq2seq.kind import Seq2SeqKind
from pipebench.models.seq2seq.network import Seq2SeqNetwork
from pipebench.models.seq2seq.outline import PRESETS, Seq2SeqOutline
from pipebench.models.sgd import ClippedSGD
from tests.builders import run_config
from tests.models.seq2seq.building import SMALL, asked_for

KIND = Seq2SeqKind()
FOUND = {"onednn_projection": False}


def tiny(**options: Any) -> Any:
    given = {"model": "seq2seq", "preset": "seq2seq-tiny", "layers": None, "synthetic": True}
    return run_config(**(given | options))


def test_the_registry_knows_it_and_its_presets() -> None:
    assert isinstance(kind_of("seq2seq"), Seq2SeqKind)
    assert MODELS["seq2seq"].presets is PRESETS
    assert (KIND.learning_rate, KIND.clipping, KIND.even_chunks, KIND.segments) == (0.7, 5.0, False, 2)


def test_its_outline_has_the_sizes_that_were_asked_for() -> None:
    assert tiny().outline == Seq2SeqOutline(4, 32, 200, 150, 32, 12)
    asked = asked_for(SMALL)
    assert asked.outline == SMALL
    assert not msgspec.structs.replace(asked, clipping=None).outline.clips
    slow, fast = (
        KIND.outline(msgspec.structs.replace(asked, found={"onednn_projection": faster}))
        for faster in (False, True)
    )
    assert (slow.onednn, fast.onednn) == (False, True)


def longest(given: Given) -> list[tuple[int, int]]:
    data = given.data
    assert isinstance(data, PairData)
    return [(max(batch.source.lengths), max(batch.target.lengths)) for batch in data.batches]


def test_drawn_pairs_fill_all_positions() -> None:
    asked = tiny()
    given = KIND.given(asked)
    assert longest(given) == [(12, 12)] * BATCHES
    assert given.positions == (32 * 12, 32 * 12)
    assert given.source.items == (32 * 24,) * BATCHES
    known = asked.with_input(given)
    assert known.outline.step_flops(whole(SMALL)) == asked.outline.step_flops(whole(SMALL))


@pytest.mark.parametrize("bucket", [True, False])
def test_positions_are_those_that_the_first_batch_is_computed_at(bucket: bool) -> None:
    """A host's speed is measured on it. The encoder computes no padding, the decoder all up to the longest."""
    asked = tiny(synthetic=False, bucket=bucket)
    given = KIND.given(asked)
    assert isinstance(given.data, PairData)
    first = given.data.batches[0]
    assert given.positions == (sum(first.source.lengths), 32 * max(first.target.lengths))
    assert asked.positions_read is None
    assert asked.with_input(given).outline.positions_read == given.positions
    assert (given.source.kind, given.source.unit) == ("pydoc_data.topics", "words")
    assert given.source.pairs


def test_its_network_trains_as_the_paper_does_with_what_was_found() -> None:
    asked = msgspec.structs.replace(tiny(), found=FOUND)
    network = KIND.network(asked, KIND.given(asked).data)
    assert isinstance(network, Seq2SeqNetwork)
    assert (network.found, network.outline) == (FOUND, asked.outline)
    optimizer = network.optimizer([])
    assert isinstance(optimizer, ClippedSGD)
    assert (optimizer.learning_rate, optimizer.most) == (0.7, 5.0)


def test_which_library_is_faster_is_tried_where_nobody_knows_yet() -> None:
    asked = tiny(dtype="float64")
    assert (
        KIND.network(asked, KIND.given(asked).data).found == FOUND
    )  # of the other library's numbers these are none


@pytest.mark.parametrize("microbatches", [1, 4, 32])
def test_the_lengths_that_are_known_without_torch_are_those_of_the_slices(microbatches: int) -> None:
    asked = msgspec.structs.replace(tiny(synthetic=False, bucket=False), found=FOUND)
    given = KIND.given(asked)
    network = KIND.network(asked, given.data)
    cut = [
        network.batch(number, microbatches=microbatches, chunks=1).steps or () for number in range(BATCHES)
    ]
    assert sorted(given.lengths(microbatches) or []) == sorted(
        n for steps in cut for each in steps for n in each
    )
    assert given._replace(data=None).lengths(microbatches) is None
