"""The buffers of split cells hold what the budget says they do, as many times as microbatches are in flight."""

from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import Tensor

from pipebench.config.budget import device_memory
from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunConfig, RunOptions
from pipebench.engine.emulator import EmulatedPipeline
from pipebench.engine.split_stage import SplitStage
from pipebench.models.outline import Slice
from pipebench.models.split_softmax import SplitShard
from pipebench.models.stacked_lstm.network import StackedLSTMNetwork
from pipebench.models.stacked_lstm.split.kept import Kept
from pipebench.models.stacked_lstm.split.part import SplitPart
from pipebench.models.stacked_lstm.split.products import Blas, Packed, Product
from pipebench.plan.actions import Operation
from pipebench.plan.cells import units_in
from pipebench.plan.in_flight import most_in_flight
from pipebench.plan.transfers import add_transfers
from tests.builders import network_of

SIZES: dict[str, Any] = {"layers": 4, "hidden": 6, "vocab": 21, "batch": 8, "sequence_length": 8, "gpus": 3}
WORKING = (
    9  # times hidden: of each sequence and layer one more row of what is kept, and what a backward works in
)


pytestmark = pytest.mark.usefixtures("one_thread")


def config(schedule: str, microbatches: int, chunks: int, **options: Any) -> RunConfig:
    slices = {"schedule": schedule, "microbatches": microbatches, "chunks": chunks}
    given = {"partition": "2,1,1", "cell": "split", "dtype": "float64", "synthetic": True}
    return resolve(RunOptions(**(SIZES | slices | given | options)))


def after_a_step(asked: RunConfig) -> list[SplitStage]:
    """The stages, with all buffers that the step made."""
    network = network_of(asked)
    pipeline = EmulatedPipeline(add_transfers(asked.plan), network, asked.layout, cell="split")
    pipeline.step(network.batch(0, microbatches=asked.microbatches, chunks=asked.chunks))
    found = {n: stage for executor in pipeline.executors for n, stage in executor.stages.items()}
    return [stage for _, stage in sorted(found.items()) if isinstance(stage, SplitStage)]


def held_bytes(kept: Kept) -> int:
    """Of one microbatch's memory, views counted once with what they are views of."""
    layers = [chunk.buffers for chunk in kept.places[0].layers]
    head = [] if kept._head is None else [kept._head.hidden_NH, kept._head.gradient_NV]
    return storages_bytes([*head, *(each for buffers in layers for each in tensors_of(buffers))])


def tensors_of(buffers: Any) -> Iterable[Tensor]:
    steps = [tensor for step in buffers.steps for tensor in (step.candidate, step.squashed)]
    lists = [*buffers.scaled_BH, *buffers.hidden_BH, *steps]
    alone = [buffers.both_TBK, buffers.gates_TBG, buffers.scratch_BG]
    return [*lists, *alone, buffers.hidden_gradient_BH, buffers.scaled_gradient_BH]


def storages_bytes(tensors: Iterable[Tensor]) -> int:
    return sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}.values())


@pytest.mark.parametrize(
    ("schedule", "microbatches", "chunks"),
    [("gpipe", 4, 1), ("1f1b", 8, 2), ("wavefront", 2, 4), ("zb-h1", 8, 1), ("wavefront-zb", 2, 4)],
)
def test_a_device_holds_what_is_computed_of_it(schedule: str, microbatches: int, chunks: int) -> None:
    asked = config(schedule, microbatches, chunks)
    assert asked.partition is not None
    sequences = asked.batch // microbatches
    memory = device_memory(asked, asked.partition)
    for stage, found in enumerate(after_a_step(asked)):
        assert isinstance(found.split, SplitPart)
        pool = found.split._pool
        flying = most_in_flight(units_in(asked.graph, asked.plan.programs[stage]))[stage]
        assert len(pool._free) == flying
        assert not any(pool._of)
        part = asked.layout.parts[stage]
        beyond = WORKING * 6 * sequences * part.layers * 8
        computed = memory[stage].saved_tensors - asked.outline.split_weight_bytes(part)
        assert sum(map(held_bytes, pool._free)) == computed + flying * beyond


def test_less_in_flight_is_less_memory() -> None:
    many, few = (config(name, 8, 1) for name in ("gpipe", "1f1b"))
    found = [len(stage.split._pool._free) for asked in (many, few) for stage in after_a_step(asked)]  # type: ignore[attr-defined]
    assert found == [8, 8, 8, 3, 2, 1]


def test_a_shard_holds_what_is_computed_of_it() -> None:
    asked = config("gpipe", 4, 2, softmax_devices="all")
    shards = [stage.split for stage in after_a_step(asked) if isinstance(stage.split, SplitShard)]
    parts = [part for part in asked.layout.parts if part.rows is not None]
    assert len(shards) == len(parts) == 3
    for shard, part in zip(shards, parts, strict=True):
        buffers = shard._buffers
        held = storages_bytes(
            [
                *(buffers.hidden_TBH, buffers.exponentials_KNV, buffers.near_KN),
                *(buffers.ours_KN, buffers.figures_K3N),
            ]
        )
        assert held == 4 * (asked.outline.split_bytes(part, 4) or 0)


class Weighed(Packed):
    """oneDNN's packed products; counts the bytes of the weights that it packs."""

    def __init__(self) -> None:
        self.bytes = 0

    def by(self, weight_MK: Tensor, bias_M: Tensor | None, rows: int) -> Product:
        product = super().by(weight_MK, bias_M, rows)
        packed = next(c.cell_contents for c in product.__closure__ if is_packed(c.cell_contents))  # type: ignore[attr-defined]
        self.bytes += torch.ops.mkldnn._nbytes(packed)
        return product


class Dense(Blas):
    """torch's products; counts the bytes of the weights that are copies."""

    def __init__(self) -> None:
        self.kept: list[Tensor] = []

    def by(self, weight_MK: Tensor, bias_M: Tensor | None, rows: int) -> Product:
        self.kept.append(weight_MK)
        return super().by(weight_MK, bias_M, rows)


def is_packed(each: object) -> bool:
    return isinstance(each, Tensor) and each.is_mkldnn


def copies_bytes(split: SplitPart | SplitShard) -> int:
    """What a cell keeps beside its parameters once W has run: scaled and packed weights, and running totals."""
    layers = split._stack.layers if isinstance(split, SplitPart) else []
    head = split._head if isinstance(split, SplitPart) else split
    library: Any = layers[0]._products if layers or head is None else head._projection._products
    held = [t for layer in layers for t in (layer._weights._both_GK, layer._weights._bias_G, *layer._totals)]  # type: ignore[misc]
    if isinstance(library, Dense):
        held += library.kept
    parameters = {p.data_ptr() for layer in layers for p in layer.parameters}
    if head is not None:
        held += head._projection._totals  # type: ignore[arg-type]
        parameters.add(head._projection._weight.data_ptr())
    copied = storages_bytes(tensor for tensor in held if tensor.data_ptr() not in parameters)
    return copied + (library.bytes if isinstance(library, Weighed) else 0)


@pytest.mark.parametrize("library", [Weighed, Dense])
@pytest.mark.parametrize(
    ("chunks", "hidden", "options"),
    [
        (1, 48, {}),
        (8, 48, {}),
        (2, 96, {}),
        (2, 48, {"softmax_devices": "all"}),
        (8, 48, {"gpus": 1, "partition": "4"}),
    ],
)
def test_copies_of_weights_are_at_most_what_is_computed(
    monkeypatch: pytest.MonkeyPatch,
    library: type[Weighed | Dense],
    chunks: int,
    hidden: int,
    options: dict[str, Any],
) -> None:
    monkeypatch.setattr(StackedLSTMNetwork, "products", lambda *_: library())  # one for each cell
    for cell in (SplitPart, SplitShard):
        monkeypatch.setattr(
            cell, "finish", lambda _: None
        )  # it would give the running totals to the parameters
    asked = config("gpipe", 4, chunks, hidden=hidden, vocab=192, dtype="float32", **options)
    for part, stage in zip(asked.layout.parts, after_a_step(asked), strict=True):
        if isinstance(stage.split, SplitPart | SplitShard):
            of_layer, of_head = (4, 3) if library is Weighed else (2, 1)
            words = asked.outline.words(part)  # type: ignore[attr-defined]
            least = 4 * hidden * (of_layer * part.layers * 8 * hidden + of_head * words)
            assert least <= copies_bytes(stage.split) <= asked.outline.split_weight_bytes(part)


def test_copies_of_weights_count_once_however_many_microbatches_there_are() -> None:
    for asked in (config("gpipe", 4, 1), config("gpipe", 8, 1), config("zb-h1", 8, 1)):
        assert asked.partition is not None
        of_layer = asked.outline.split_weight_bytes(Slice(2, 3, opens=False, closes=False))
        flying = most_in_flight(units_in(asked.graph, asked.plan.programs[1]))[1]
        kept = flying * (asked.outline.split_bytes(asked.layout.parts[1], asked.microbatches) or 0)
        assert device_memory(asked, asked.partition)[1].saved_tensors == kept + of_layer


def test_fused_cells_have_no_copies_and_split_ones_four_of_each_weight() -> None:
    sizes = {"hidden": 64, "vocab": 128, "batch": 1, "sequence_length": 1, "dtype": "float32"}
    fused, split = (config("gpipe", 1, 1, cell=cell, **sizes) for cell in ("fused", "split"))
    weights, words = 8 * 64 * 64 * 4, 128 * 64 * 4
    more = [
        b.saved_tensors - a.saved_tensors
        for a, b in zip(*(device_memory(asked, (2, 1, 1)) for asked in (fused, split)), strict=True)
    ]
    expected = [2 * 4 * weights, 4 * weights, 4 * weights + 3 * words]
    assert more == pytest.approx(expected, rel=0.03)


def test_w_gives_memory_back_for_the_next_microbatch() -> None:
    """The last stage of zb-h1 puts off the most; the first one none."""
    asked = config("zb-h1", 8, 1)
    counts = [len(stage.split._pool._free) for stage in after_a_step(asked)]  # type: ignore[attr-defined]
    assert counts == [3, 3, 3]
    last = asked.plan.programs[2]
    assert sum(action.operation is Operation.BACKWARD_WEIGHT for action in last) == 8
