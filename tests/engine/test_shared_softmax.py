"""A softmax that devices share gives the gradients of a single device.

By default some of the shapes; all of them with SHARED_SOFTMAX=all (``make matrix``).
"""

import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunConfig, RunOptions
from pipebench.engine.emulator import EmulatedPipeline
from pipebench.launching.messages import Job
from pipebench.measuring.pair import EmulatedPair
from pipebench.models.layout import Sharing
from pipebench.models.softmax import SoftmaxShard
from pipebench.plan.actions import Operation
from pipebench.plan.checkpoints import CHECKPOINTS
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import add_transfers
from tests.builders import SLICINGS, network_of
from tests.engine.live_ranks import MOST, Group
from tests.engine.test_gradients import PADDED_TEXT, largest_error

ALL = os.environ.get("SHARED_SOFTMAX") == "all"
EMULATED, RANKED = (1, 1) if ALL else (11, 29)  # every so many-th case
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}
SIZES = {"layers": 8, "hidden": 16, "batch": 8, "sequence_length": 8, "launches": 1}

Case = tuple[int, Sharing, tuple[str, int, int], str, int, str, bool]

# Devices in all and who shares: 1, 2, 3, 4 and 8 shards on the chain's devices and beside them.
SHARED: tuple[tuple[int, Sharing], ...] = (
    *((n, "all") for n in (1, 2, 3, 4, 8)),
    *((2 + n, n) for n in (1, 2, 3, 4, 8)),
    (8, 4),
)


# Vocabulary, dtype, and whether the text has padding: each pair of values occurs.
INPUTS = (
    (37, "float32", True),
    (37, "float64", False),
    (1003, "float32", False),
    (1003, "float64", True),
)


def cases(most: int = 99) -> Iterator[Case]:
    """Devices, who shares, the plan, checkpoints, and the input."""
    for (gpus, sharing), slicing, checkpoint, (vocab, dtype, is_padded) in product(
        SHARED, SLICINGS, CHECKPOINTS, INPUTS
    ):
        if gpus <= most:
            yield gpus, sharing, slicing, checkpoint, vocab, dtype, is_padded


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("text") / "padded.txt"
    path.write_text(PADDED_TEXT)
    return str(path)


def config(case: Case, text: str, device: str = "emulated") -> RunConfig:
    gpus, sharing, (schedule, microbatches, chunks), checkpoint, vocab, dtype, is_padded = case
    options: dict[str, Any] = SIZES | {
        "gpus": gpus,
        "device": device,
        "softmax_devices": str(sharing),
        "schedule": schedule,
        "microbatches": microbatches,
        "chunks": chunks,
        "checkpoint": checkpoint,
        "vocab": vocab,
        "dtype": dtype,
        "text": text if is_padded else None,
        "synthetic": not is_padded,
    }
    return resolve(RunOptions(**options))


@pytest.mark.parametrize("case", [*cases()][::EMULATED], ids=str)
def test_emulated_devices_compute_the_baselines_gradients(case: Case, text: str) -> None:
    asked = config(case, text)
    assert largest_error(asked) <= TOLERANCE[asked.dtype]


@pytest.mark.parametrize("case", [*cases(MOST)][::RANKED], ids=str)
def test_real_ranks_compute_the_baselines_gradients(
    live_ranks: Group, tmp_path: Path, case: Case, text: str
) -> None:
    asked = config(case, text, device="cpu")
    result = live_ranks.run(asked, tmp_path)
    assert result["error"] <= TOLERANCE[asked.dtype]
    assert result["parameter_error"] <= TOLERANCE[asked.dtype]
    spans, transfers = result["timeline"]["spans"], result["timeline"]["transfers"]
    graph = asked.graph
    assert len(spans) == 2 * graph.stages * graph.microbatches * graph.chunks
    travelling = [(t["action"], t["consumer"]) for t in transfers]
    assert len(travelling) == len(set(travelling)), "each message is there once, by both its ends"


@pytest.mark.parametrize("partition", ["5,1,2", "1,1,6"])
def test_an_uneven_partition(partition: str, text: str) -> None:
    case: Case = (3, "all", ("gpipe", 4, 2), "none", 37, "float64", True)
    options = RunOptions(
        **SIZES,  # type: ignore[arg-type]
        gpus=5,
        softmax_devices="2",
        partition=partition,
        vocab=37,
        dtype="float64",
        text=text,
        chunks=2,
    )
    assert config(case, text).softmax_devices == "all"
    assert largest_error(resolve(options)) <= 1e-12


def test_the_launch_verifies_start_gradients_loss_and_update(text: str) -> None:
    asked = config((3, "all", ("gpipe", 4, 1), "none", 37, "float64", True), text)
    network = network_of(asked)
    pair = EmulatedPair(Job(config=asked, data=network._data), network)
    pair.prime()
    pair.race(lambda _: None)
    verification = pair.verify()
    assert verification.max_relative_gradient_error <= 1e-12
    assert verification.max_relative_parameter_error == 0
    assert verification.tensors == 1 + 4 * 8 + 2, "a shared tensor is one tensor"


def test_a_shard_that_gets_a_wrong_scale_is_found(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    from pipebench.engine import stage

    right = stage.Stage.backward

    def wrong(self: Any, microbatch: int, chunk: int, received: Any) -> Any:
        scaled = (
            [tuple(t * 1.01 for t in each) for each in received]
            if isinstance(self.part, SoftmaxShard)
            else received
        )
        return right(self, microbatch, chunk, scaled)

    monkeypatch.setattr(stage.Stage, "backward", wrong)
    with pytest.raises(Exception, match="differs from the baseline"):
        largest_error(config((2, "all", ("gpipe", 2, 1), "none", 37, "float32", False), text))


def test_a_shard_holds_the_rows_that_the_whole_projection_has_there(text: str) -> None:
    asked = config((4, "all", ("gpipe", 2, 1), "none", 1003, "float32", False), text)
    pipeline = EmulatedPipeline(
        add_transfers(SCHEDULES["gpipe"].plan(asked.graph)), network_of(asked), asked.layout
    )
    start = pipeline.fingerprints({})
    from pipebench.models.fingerprints import hashes
    from pipebench.models.network import cut

    alone = network_of(asked).form("chain")
    assert start == hashes(cut(alone.kept(), asked.pieces))


@pytest.mark.parametrize("checkpoint", ["none", "always"])
def test_what_the_loss_keeps_is_what_is_computed_of_it(text: str, checkpoint: str) -> None:
    asked = config((4, "all", ("gpipe", 2, 1), checkpoint, 37, "float32", True), text)
    pipeline = EmulatedPipeline(
        add_transfers(SCHEDULES["gpipe"].plan(asked.graph)),
        network := network_of(asked),
        asked.layout,
        checkpoint=checkpoint,
    )
    part, outline = asked.layout.parts[-1], asked.outline
    device = asked.graph.device_of[-1]
    for executor in pipeline.executors:
        executor.load(network.batch(0, microbatches=2, chunks=1))
    for unit in pipeline.units:
        if unit.action.operation is Operation.FORWARD:
            for run in unit.calls:
                run()
    saved = pipeline.executors[device].stages[asked.graph.last_stage]._saved[0]
    assert saved is not None
    kept = sum(tensor.nbytes for tensor in saved.input_)
    assert kept == outline.input_bytes(part, 2)
    scales_and_losses = (part.joins + 1) * (outline.positions // 2) * outline.element_bytes
    assert outline.saved_bytes(part, 2) == kept + scales_and_losses
    assert (saved.result is None) == (checkpoint == "always")
