from typing import Any

import msgspec
import pytest

from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunConfig, RunOptions
from pipebench.errors import UsageError
from pipebench.models.seq2seq.outline import PRESETS as SEQ2SEQ_PRESETS
from pipebench.plan.graph import Graph
from tests.config.asked import refused, resolved


def translator(**options: Any) -> RunConfig:
    """An encoder-decoder on 4 devices with these options."""
    return resolved(**({"model": "seq2seq", "gpus": 4} | options))


SEQ2SEQ_SIZES = ("layers", "hidden", "source_vocab", "vocab", "batch", "sequence_length")


def test_an_encoder_decoder_is_trained_as_in_2014() -> None:
    config = translator()
    assert config.preset == "seq2seq-2014-small"
    assert [getattr(config, name) for name in SEQ2SEQ_SIZES] == [4, 256, 40_960, 20_480, 128, 24]
    assert (config.learning_rate, config.clipping, config.bucket) == (0.7, 5.0, True)
    assert (config.source, config.target, config.pairs, config.text) == (None, None, None, None)
    assert (config.microbatches, config.chunks, config.partition) == (16, 1, (1, 1, 1, 1))
    assert config.graph == Graph(4, 16, 2, segments=2, clips=True)
    assert config.positions_read is None


def test_a_stacked_lstm_has_nothing_of_it() -> None:
    config = resolved()
    assert (config.learning_rate, config.clipping, config.bucket, config.source_vocab) == (
        0.1,
        None,
        None,
        None,
    )
    assert not config.graph.clips
    assert config.graph.segments == 1


@pytest.mark.parametrize("preset", SEQ2SEQ_PRESETS)
def test_each_preset_of_it_has_its_sizes(preset: str) -> None:
    config = translator(preset=preset)
    assert {name: getattr(config, name) for name in SEQ2SEQ_SIZES} == SEQ2SEQ_PRESETS[preset]


@pytest.mark.parametrize("name", SEQ2SEQ_SIZES)
def test_every_size_of_it_overrides_the_preset(name: str) -> None:
    usual, changed = translator(microbatches=1), translator(microbatches=1, **{name: 12})
    assert getattr(changed, name) == 12
    for other in {*SEQ2SEQ_SIZES} - {name}:
        assert getattr(changed, other) == getattr(usual, other)


@pytest.mark.parametrize(
    ("sequence_length", "given", "chunks"),
    [(24, None, 8), (5, None, 5), (24, 7, 7), (24, 24, 24), (11, 5, 5)],
)
def test_its_chunks_need_not_divide_the_time(sequence_length: int, given: int | None, chunks: int) -> None:
    config = translator(schedule="wavefront", sequence_length=sequence_length, chunks=given)
    assert (config.chunks, config.graph.chunks, config.graph.chunks_each) == (chunks, 2 * chunks, chunks)


def test_a_device_for_the_projection_alone_lives_in_the_decoder_s_time() -> None:
    graph = translator(gpus=3, partition="3,1,0", schedule="wavefront", chunks=5).graph
    assert graph.lives == ((0, 1), (0, 1), (1,))
    shared = translator(gpus=6, softmax_devices="2").graph
    assert shared.lives == (*((0, 1),) * 4, (1,), (1,), (1,))
    assert shared.clips


@pytest.mark.parametrize(("sharing", "gpus"), [(None, 4), ("all", 4), ("2", 6)])
def test_it_runs_on_a_device_for_each_pair_of_layers_and_those_that_share_the_softmax(
    sharing: str | None, gpus: int
) -> None:
    assert translator(gpus=None, softmax_devices=sharing).gpus == gpus


def test_files_and_pairs_are_kept_and_so_is_what_has_no_buckets() -> None:
    files = translator(source="a.en", target="a.fr", bucket=False)
    assert (files.source, files.target, files.pairs, files.bucket) == ("a.en", "a.fr", None, False)
    assert translator(pairs="fr").pairs == "fr"
    for config in (files, translator(pairs="fr", synthetic=False)):
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(config), type=RunConfig) == config


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"source": "a"},
            "--source goes with --target, line by line: expected both files, got one; add --target",
        ),
        (
            {"target": "a"},
            "--target goes with --source, line by line: expected both files, got one; add --source",
        ),
        (
            {"source": "a", "target": "b", "pairs": "fr"},
            "--source and --pairs exclude each other: leave one out",
        ),
        ({"source": "a", "target": "b", "synthetic": True}, "--source and --synthetic exclude each other"),
        ({"source": "a", "pairs": "fr"}, "--source and --pairs exclude each other: leave one out"),
        ({"target": "a", "pairs": "fr"}, "--target and --pairs exclude each other: leave one out"),
        (
            {"gpus": 6},
            "use --gpus 4 or more --layers, or --softmax-devices 2 for devices that share the projection",
        ),
        ({"pairs": "fr", "synthetic": True}, "--pairs and --synthetic exclude each other: leave one out"),
        ({"text": "a", "pairs": "fr"}, "--text and --pairs exclude each other: leave one out"),
        (
            {"source": "a", "target": "b", "pairs": "fr", "synthetic": True},
            "--source and --pairs and --synthetic exclude each other",
        ),
        ({"text": "a.txt"}, "--text: --model seq2seq does not take it: leave it out"),
        ({"synthetic": True, "tokens": "characters"}, "leave it out with --synthetic"),
        ({"chunks": 25}, "--chunks must be at most 24, got 25: a chunk is at least one step of the 24 of a"),
        ({"chunks": 0}, "--chunks must be at least 1, got 0"),
        ({"sequence_length": 3, "chunks": 4}, "--chunks must be at most 3, got 4"),
        ({"schedule": "naive", "chunks": 2}, "schedule naive takes 1 microbatch and 1 chunk, got 1 and 2"),
        ({"source_vocab": 3}, "--source-vocab must be at least 4, got 3"),
        ({"vocab": 3}, "--vocab must be at least 4, got 3"),
        (
            {"preset": "tiny"},
            "unknown --preset 'tiny': expected one of seq2seq-2014-small, seq2seq-tiny, seq2seq-2014",
        ),
        ({"gpus": 5}, "5 devices for 4 pairs of layers: expected at most 4"),
        ({"gpus": 9, "softmax_devices": "5", "vocab": 4}, "5 devices for a vocabulary of 4 words"),
    ],
)
def test_what_does_not_fit_an_encoder_decoder_is_refused(options: dict[str, Any], message: str) -> None:
    assert message in refused(**({"model": "seq2seq", "gpus": 4} | options))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"bucket": False}, "--no-bucket"),
        ({"source_vocab": 40}, "--source-vocab"),
        ({"source": "a", "target": "b"}, "--source"),
        ({"pairs": "fr"}, "--pairs"),
    ],
)
def test_what_only_an_encoder_decoder_takes_is_refused_by_the_name_that_was_typed(
    options: dict[str, Any], named: str
) -> None:
    assert refused(**options) == f"{named}: --model stacked-lstm does not take it: leave it out"
    assert resolved(bucket=True).bucket is None


def test_a_preset_of_another_model_is_told_whose_it_is() -> None:
    with pytest.raises(
        UsageError, match=r"unknown --preset 'seq2seq-tiny': .*; it is one of --model seq2seq"
    ):
        resolve(RunOptions(preset="seq2seq-tiny"))
