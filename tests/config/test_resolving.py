from dataclasses import replace
from math import inf, nan
from typing import Any

import msgspec
import pytest

from pipebench.config.resolving import MODEL_OPTIONS, resolve
from pipebench.config.run_config import RunConfig, RunOptions
from pipebench.errors import UsageError
from pipebench.launching.messages import Job
from pipebench.models.registry import MODELS, kind_of
from pipebench.models.seq2seq.outline import PRESETS as SEQ2SEQ_PRESETS
from pipebench.models.stacked_lstm.outline import PRESETS, LSTMOutline
from pipebench.plan.graph import Graph
from pipebench.plan.order_costs import CellCost, costs_on_paper
from pipebench.plan.schedules import SCHEDULES


def resolved(**options: Any) -> RunConfig:
    """A configuration of 8 devices with these options."""
    return resolve(RunOptions(**({"gpus": 8} | options)))


def refused(**options: Any) -> str:
    """The text with which these options are refused."""
    with pytest.raises(UsageError) as caught:
        resolved(**options)
    return str(caught.value)


def test_defaults_are_those_of_the_contract() -> None:
    config = resolved()
    assert (config.preset, config.schedule, config.machine) == ("talk8-small", "gpipe", "2014")
    assert (config.layers, config.hidden, config.vocab, config.batch, config.sequence_length) == (
        *(8, 256, 1000, 128, 32),
    )
    assert (config.dtype, config.microbatches, config.chunks) == ("float32", 16, 1)
    assert (config.partition, config.partition_rule) == ((1,) * 8, "even")
    assert (config.launches, config.steps, config.warmup, config.seed) == (6, 2, 1, 0)
    assert (config.text, config.synthetic, config.deadline_s) == (None, False, None)


@pytest.mark.parametrize(
    ("preset", "sizes"),
    [
        ("talk8-small", (8, 256, 1000, 128, 32)),
        ("talk8", (8, 1000, 4000, 128, 32)),
        ("tiny", (8, 32, 200, 32, 16)),
    ],
)
def test_presets_are_those_of_the_contract(preset: str, sizes: tuple[int, ...]) -> None:
    config = resolved(preset=preset)
    assert tuple(PRESETS[preset].values()) == sizes
    assert (config.layers, config.hidden, config.vocab, config.batch, config.sequence_length) == sizes


@pytest.mark.parametrize("name", ["layers", "hidden", "vocab", "batch", "sequence_length"])
def test_every_size_overrides_the_preset(name: str) -> None:
    usual, changed = resolved(microbatches=1), resolved(microbatches=1, **{name: 24})
    assert getattr(changed, name) == 24
    for other in {"layers", "hidden", "vocab", "batch", "sequence_length"} - {name}:
        assert getattr(changed, other) == getattr(usual, other)


@pytest.mark.parametrize(
    ("schedule", "slices"), [("naive", (1, 1)), ("gpipe", (16, 1)), ("1f1b", (16, 1)), ("wavefront", (4, 8))]
)
def test_each_schedule_has_its_default_slices(schedule: str, slices: tuple[int, int]) -> None:
    config = resolved(schedule=schedule)
    assert (config.microbatches, config.chunks) == slices


@pytest.mark.parametrize(
    ("batch", "sequence_length", "slices"),
    [(128, 32, (4, 8)), (6, 12, (3, 6)), (7, 9, (1, 3)), (2, 4, (2, 4)), (4, 7, (4, 7)), (5, 11, (1, 1))],
)
def test_a_default_that_does_not_divide_becomes_the_largest_divisor_below(
    batch: int, sequence_length: int, slices: tuple[int, int]
) -> None:
    config = resolved(schedule="wavefront", batch=batch, sequence_length=sequence_length)
    assert (config.microbatches, config.chunks) == slices


def test_given_slices_are_taken_as_they_are() -> None:
    config = resolved(schedule="wavefront", microbatches=1, chunks=32)
    assert (config.microbatches, config.chunks) == (1, 32)
    assert (resolved(microbatches=128).microbatches, resolved(chunks=2).chunks) == (128, 2)


@pytest.mark.parametrize(
    ("options", "launches"),
    [({}, 6), ({"quick": True}, 3), ({"rigorous": True}, 12), ({"launches": 1}, 1), ({"launches": 40}, 40)],
)
def test_launches(options: dict[str, Any], launches: int) -> None:
    assert resolved(**options).launches == launches


def test_partitions_are_even_explicit_or_left_open_until_measured() -> None:
    assert resolved(gpus=3).partition == (3, 3, 2)
    explicit = resolved(gpus=4, partition="3,2,2,1")
    assert (explicit.partition, explicit.partition_rule) == ((3, 2, 2, 1), "explicit")
    balanced = resolved(gpus=4, partition="balanced")
    assert (balanced.partition, balanced.partition_rule) == (None, "balanced")


def test_one_device_more_than_layers_needs_a_partition_that_ends_in_0() -> None:
    assert resolved(gpus=9, partition="1,1,1,1,1,1,1,1,0").partition == (*(1,) * 8, 0)
    assert resolved(gpus=9, partition="balanced").partition is None
    assert "9 devices for 8 LSTM layers" in refused(gpus=9)
    assert "10 devices for 8 LSTM layers" in refused(gpus=10, partition="balanced")
    assert "expected 10 counts" in refused(gpus=10, partition="1,1,1,1,1,1,1,1,0")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gpus": 0}, "--gpus must be at least 1, got 0"),
        ({"gpus": -2}, "--gpus must be at least 1, got -2"),
        ({"layers": 0}, "--layers must be at least 1, got 0"),
        ({"hidden": 0}, "--hidden must be at least 1, got 0"),
        ({"batch": -1}, "--batch must be at least 1, got -1"),
        ({"sequence_length": 0}, "--sequence-length must be at least 1, got 0"),
        ({"vocab": 3}, "--vocab must be at least 4, got 3"),
        ({"microbatches": 0}, "--microbatches must be at least 1, got 0"),
        ({"chunks": 0}, "--chunks must be at least 1, got 0"),
        ({"steps": 0}, "--steps must be at least 1, got 0"),
        ({"warmup": -1}, "--warmup must be at least 0, got -1"),
        ({"seed": -1}, "--seed must be at least 0, got -1"),
        ({"launches": 0}, "--launches must be at least 1, got 0"),
        (
            {"microbatches": 3},
            "--microbatches 3 does not divide the batch of 128: expected a divisor such as 2",
        ),
        ({"chunks": 5}, "--chunks 5 does not divide the sequence length of 32: expected a divisor such as 4"),
        ({"microbatches": 256}, "--microbatches 256 does not divide the batch of 128"),
        (
            {"schedule": "zigzag"},
            "unknown schedule 'zigzag': expected one of naive, gpipe, 1f1b, 1f1b-deep, wavefront, zb-h1",
        ),
        (
            {"schedule": "naive", "microbatches": 2},
            "schedule naive takes 1 microbatch and 1 chunk, got 2 and 1",
        ),
        ({"preset": "huge"}, "unknown --preset 'huge': expected one of talk8-small, talk8, tiny"),
        ({"dtype": "float16"}, "unknown --dtype 'float16': expected one of float32, float64"),
        ({"checkpoint": "some"}, "unknown --checkpoint 'some': expected one of none, always, except-last"),
        ({"device": "tpu"}, "unknown --device 'tpu': expected one of auto, cuda"),
        ({"machine": "cray"}, "unknown machine 'cray': expected one of 2014"),
        ({"emulation_order": "sideways"}, "'sideways': expected one of device, dependence"),
        ({"partition": "halves"}, "--partition: expected even, balanced or a list of layer counts"),
        ({"partition": "4,4"}, "--partition 4,4: expected 8 counts, one a device, got 2"),
        ({"machine": "2014", "device": "cuda"}, "--machine is for emulated devices"),
        ({"text": "a.txt", "synthetic": True}, "--text and --synthetic exclude each other"),
        ({"quick": True, "rigorous": True}, "--quick and --rigorous exclude each other: leave one out"),
        ({"launches": 2, "quick": True}, "--launches and --quick exclude each other: leave one out"),
        (
            {"deadline_s": 0.0},
            "--deadline must be a number of seconds above 0 and at most 31622400 (a year), got 0.0",
        ),
        ({"deadline_s": -1.0}, "--deadline must be a number of seconds above 0"),
        ({"deadline_s": nan}, "--deadline must be a number of seconds above 0"),
        ({"deadline_s": inf}, "--deadline must be a number of seconds above 0"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_rule_and_the_value(
    options: dict[str, Any], message: str
) -> None:
    assert message in refused(**options)


@pytest.mark.parametrize("machine", ["2014", "k40-pcie3", "a100-nvlink", "h100-nvlink4"])
@pytest.mark.parametrize("device", ["auto", "emulated"])
def test_a_machine_goes_with_devices_that_may_be_emulated(machine: str, device: str) -> None:
    """A machine that is named is to be emulated, whatever GPUs there are."""
    config = resolved(machine=machine, device=device)
    assert (config.machine, config.device) == (machine, "emulated")


def test_workload_and_graph_have_the_sizes_of_the_configuration() -> None:
    config = resolved(gpus=4, microbatches=8, chunks=2, dtype="float64")
    assert config.outline == LSTMOutline(8, 256, 1000, 128, 32, dtype="float64")
    assert config.graph == Graph(4, 8, 2)


def test_options_that_were_given_are_kept() -> None:
    config = resolved(
        steps=5, warmup=0, seed=7, deadline_s=30.0, text="words.txt", emulation_order="dependence"
    )
    assert (config.steps, config.warmup, config.seed, config.deadline_s) == (5, 0, 7, 30.0)
    assert (config.text, config.emulation_order) == ("words.txt", "dependence")


def test_a_configuration_travels_to_a_launch_and_back() -> None:
    config = resolved(partition="balanced", text="words.txt")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(config), type=RunConfig) == config


@pytest.mark.parametrize("softmax_devices", [None, "all"])
def test_a_settled_order_travels_to_a_launch_and_is_its_plan(softmax_devices: str | None) -> None:
    asked = resolved(schedule="wavefront-zb", gpus=3, partition="3,3,2", softmax_devices=softmax_devices)
    assert asked.needs_order
    costs = costs_on_paper(asked.graph)
    weights = tuple(CellCost(each.slice_s, 3.0 * stage) for stage, each in enumerate(costs.backward_weight))
    plan = SCHEDULES["wavefront-zb"].plan(asked.graph, replace(costs, backward_weight=weights))
    settled = msgspec.structs.replace(asked, order=tuple(plan.csv().splitlines()))
    job = msgspec.msgpack.decode(msgspec.msgpack.encode(Job(config=settled, data=None)), type=Job)
    assert job.config == settled
    assert not job.config.needs_order
    assert job.config.plan == plan != asked.plan
    assert any(action.slices > 1 for program in plan.programs for action in program)


@pytest.mark.parametrize(
    ("options", "cell"),
    [
        ({}, "fused"),
        ({"cell": "fused"}, "fused"),
        ({"cell": "split"}, "split"),
        ({"schedule": "zb-h1"}, "split"),
        ({"schedule": "wavefront-zb", "cell": "split"}, "split"),
    ],
)
def test_a_cell_is_split_where_the_schedule_needs_it_or_somebody_asks(
    options: dict[str, Any], cell: str
) -> None:
    config = resolved(**options)
    assert config.cell == cell
    assert config.graph.split_backward == ("schedule" in options)


def test_bounds_are_kept_and_keep_to_nothing_by_default() -> None:
    config = resolved(schedule="wavefront-zb", most_alive=40, most_waiting=1)
    assert (config.most_alive, config.most_waiting) == (40, 1)
    config = resolved(schedule="wavefront-zb")
    assert (config.most_alive, config.most_waiting, config.order) == (None, None, None)
    assert not resolved(schedule="zb-h1").needs_order


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "half"}, "unknown --cell 'half': expected one of fused, split"),
        (
            {"cell": "fused", "schedule": "zb-h1"},
            "--cell fused: schedule zb-h1 runs a backward in two halves: expected --cell split, or no --cell",
        ),
        (
            {"cell": "fused", "schedule": "wavefront-zb"},
            "schedule wavefront-zb runs a backward in two halves",
        ),
        ({"cell": "split", "checkpoint": "always"}, "--checkpoint always: a split cell keeps what its"),
        ({"schedule": "zb-h1", "checkpoint": "except-last"}, "--checkpoint except-last: a split cell"),
        (
            {"most_alive": 4},
            "--most-alive: schedule gpipe has bounds of its own: leave it out, or use wavefront-zb",
        ),
        ({"most_waiting": 4, "schedule": "zb-h1"}, "--most-waiting: schedule zb-h1 has bounds of its own"),
        ({"most_alive": 0, "schedule": "wavefront-zb"}, "--most-alive must be at least 1, got 0"),
        ({"most_waiting": -1, "schedule": "wavefront-zb"}, "--most-waiting must be at least 1, got -1"),
    ],
)
def test_cells_and_bounds_that_do_not_fit_the_schedule_are_refused(
    options: dict[str, Any], message: str
) -> None:
    assert message in refused(**options)


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


def test_the_options_of_models_are_those_that_some_model_takes_and_all_are_options_of_a_run() -> None:
    kinds = [*MODELS.values(), kind_of("model.py:build")]
    assert set(MODEL_OPTIONS) == {name for kind in kinds for name in kind.options}
    assert set(MODEL_OPTIONS) <= set(RunOptions.__struct_fields__)
