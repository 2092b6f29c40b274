from dataclasses import replace
from typing import Any

import msgspec
import pytest

from pipebench.config.resolving import MODEL_OPTIONS
from pipebench.config.run_config import RunConfig, RunOptions
from pipebench.launching.messages import Job
from pipebench.models.registry import MODELS, kind_of
from pipebench.models.stacked_lstm.outline import PRESETS, LSTMOutline
from pipebench.plan.graph import Graph
from pipebench.plan.order_costs import CellCost, costs_on_paper
from pipebench.plan.schedules import SCHEDULES
from tests.config.asked import refused, resolved


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
        ({"machine": "cray"}, "unknown machine 'cray': expected one of 2014"),
        ({"partition": "halves"}, "--partition: expected even, balanced or a list of layer counts"),
        ({"partition": "4,4"}, "--partition 4,4: expected 8 counts, one a device, got 2"),
        ({"quick": True, "rigorous": True}, "--quick and --rigorous exclude each other: leave one out"),
        ({"launches": 2, "quick": True}, "--launches and --quick exclude each other: leave one out"),
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
        (
            {"cell": "fused", "schedule": "zb-h1", "model": "seq2seq"},
            "for the halves: longer than one whole backward, and for a fused LSTM as long as two",
        ),
        (
            {"cell": "fused", "schedule": "zb-h1", "model": "transformer"},
            "or no --cell; autograd takes two passes for the halves: longer than one whole backward",
        ),
        (
            {"cell": "split", "checkpoint": "always"},
            "--checkpoint always: --cell split asks for split cells, which keep what their backward needs in buffers "
            "of their own: expected none; leave it out, or use no --cell",
        ),
        (
            {"schedule": "zb-h1", "checkpoint": "except-last"},
            "--checkpoint except-last: schedule zb-h1 needs split cells, which keep what their backward needs in "
            "buffers of their own: expected none; leave it out, or use another --schedule",
        ),
        (
            {"most_alive": 4},
            "--most-alive: schedule gpipe takes no such bound: leave it out, or use --schedule wavefront-zb",
        ),
        ({"most_waiting": 4, "schedule": "zb-h1"}, "--most-waiting: schedule zb-h1 takes no such bound"),
        ({"most_alive": 0, "schedule": "wavefront-zb"}, "--most-alive must be at least 1, got 0"),
        ({"most_waiting": -1, "schedule": "wavefront-zb"}, "--most-waiting must be at least 1, got -1"),
    ],
)
def test_cells_and_bounds_that_do_not_fit_the_schedule_are_refused(
    options: dict[str, Any], message: str
) -> None:
    assert message in refused(**options)


def test_the_options_of_models_are_those_that_some_model_takes_and_all_are_options_of_a_run() -> None:
    kinds = [*MODELS.values(), kind_of("model.py:build")]
    assert set(MODEL_OPTIONS) == {name for kind in kinds for name in kind.options}
    assert set(MODEL_OPTIONS) <= set(RunOptions.__struct_fields__)
