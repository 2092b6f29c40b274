"""The Transformer on devices computes what one device does: loss, gradients, and parameters after an update.

Cut along samples and along time, where a chunk attends to those before it. By default some of the shapes; all of them
with TRANSFORMER=all (``make matrix``).
"""

import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunConfig, RunOptions
from pipebench.engine.emulator import EmulatedPipeline
from pipebench.launching.messages import Form
from pipebench.measuring.baseline import Baseline
from pipebench.measuring.verification import relative_errors
from pipebench.models.layout import Sharing
from pipebench.models.network import parameters_of
from pipebench.models.outline import BATCHES
from pipebench.plan.checkpoints import CHECKPOINTS
from pipebench.plan.transfers import add_transfers, messages_of
from tests.builders import network_of
from tests.engine.live_ranks import MOST, Group
from tests.engine.test_gradients import PADDED_TEXT

ALL = os.environ.get("TRANSFORMER") == "all"
EMULATED, RANKED = (1, 5) if ALL else (29, 131)  # every so many-th case
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}
SIZES = {
    "model": "transformer",
    "hidden": 12,
    "heads": 3,
    "vocab": 23,
    "batch": 8,
    "sequence_length": 8,
    "launches": 1,
}

# Schedule, microbatches, chunks of 8 words.
SLICINGS = (
    ("naive", 1, 1),
    ("gpipe", 4, 1),
    ("gpipe", 2, 2),
    ("gpipe", 2, 4),
    ("1f1b", 8, 1),
    ("1f1b", 4, 2),
    ("1f1b-deep", 8, 1),
    ("wavefront", 1, 8),
    ("wavefront", 2, 4),
)


class Shape(NamedTuple):
    """Devices in all, who shares the softmax, blocks, and how they are cut."""

    gpus: int
    sharing: Sharing = None
    layers: int = 4
    partition: str = "even"


SHAPES = (
    *(Shape(n, layers=max(4, n)) for n in (1, 2, 3, 4, 8)),
    *(Shape(n, "all", layers=max(4, n)) for n in (1, 2, 3, 4, 8)),
    *(Shape(2 + n, n) for n in (1, 2)),
    Shape(8, 4),
    Shape(3, partition="3,1,0"),
    Shape(3, "all", partition="2,1,1"),
)


class Case(NamedTuple):
    """A shape, its slices, what is kept, and the numbers."""

    shape: Shape
    slicing: tuple[str, int, int]
    checkpoint: str = "none"
    dtype: str = "float64"


def cases(most: int = 99) -> Iterator[Case]:
    """Of as many devices at most."""
    for case in product(SHAPES, SLICINGS, CHECKPOINTS, TOLERANCE):
        if case[0].gpus <= most:
            yield Case(*case)


def named(case: Case) -> str:
    (gpus, sharing, layers, partition), (schedule, m, c), checkpoint, dtype = case
    return f"{gpus}-{sharing}-{layers}-{partition}-{schedule}-{m}x{c}-{checkpoint}-{dtype}"


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """With sentences so short that batches have padding."""
    path = tmp_path_factory.mktemp("text") / "padded.txt"
    path.write_text(PADDED_TEXT)
    return str(path)


def config(case: Case, text: str, device: str = "emulated") -> RunConfig:
    schedule, microbatches, chunks = case.slicing
    shape = case.shape._asdict()
    sharing = shape.pop("sharing")
    options: dict[str, Any] = SIZES | shape | {"text": text, "device": device, "dtype": case.dtype}
    options |= {"schedule": schedule, "microbatches": microbatches, "chunks": chunks}
    options |= {"checkpoint": case.checkpoint, "softmax_devices": None if sharing is None else str(sharing)}
    return resolve(RunOptions(**options))


def error(asked: RunConfig, order: str = "device") -> float:
    """The largest of gradients, parameters and loss, over steps in a row, each with an update.

    In float32 of the first one: after an update both sides differ by rounding, and so do all gradients from there on.
    """
    plan, network = add_transfers(asked.plan), network_of(asked)
    pipeline = EmulatedPipeline(
        plan, network, asked.layout, cell=asked.cell, checkpoint=asked.checkpoint, order=order
    )
    baseline = Baseline(Form("chain"), network)
    found = 0.0
    for number in range(BATCHES if asked.dtype == "float64" else 1):
        baseline.step(baseline.batch(number))
        pipeline.step(network.batch(number, microbatches=asked.microbatches, chunks=asked.chunks))
        gradients, *_ = relative_errors(baseline.gradients(), pipeline.gradients())
        parameters, *_ = relative_errors(parameters_of(baseline.model), pipeline.parameters(), "parameters")
        assert len(gradients) > len(parameters) // 2
        loss = abs(pipeline.loss() - baseline.loss()) / baseline.loss()
        found = max(found, loss, *gradients.values(), *parameters.values())
    return found


@pytest.mark.parametrize("case", [*cases()][::EMULATED], ids=named)
def test_emulated_devices_compute_what_one_device_does(case: Case, text: str) -> None:
    assert error(config(case, text)) <= TOLERANCE[case.dtype]


@pytest.mark.parametrize("case", [*cases(MOST)][::RANKED], ids=named)
def test_real_ranks_compute_what_one_device_does(
    live_ranks: Group, tmp_path: Path, case: Case, text: str
) -> None:
    asked = config(case, text, device="cpu")
    result = live_ranks.run(asked, tmp_path)
    assert result["error"] <= TOLERANCE[case.dtype]
    assert result["parameter_error"] <= TOLERANCE[case.dtype]
    graph, timeline = asked.graph, result["timeline"]
    assert len(timeline["spans"]) == 2 * graph.stages * graph.microbatches * graph.chunks
    assert len(timeline["transfers"]) == len(messages_of(graph))


def test_another_order_of_emulation_computes_the_same(text: str) -> None:
    assert error(config(Case(Shape(3), ("wavefront", 2, 4)), text), "dependence") <= TOLERANCE["float64"]


def test_the_gradients_of_keys_and_values_matter(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the tests above would not see that they are carried."""
    from pipebench.engine import stage

    monkeypatch.setattr(stage, "_gradient", lambda _: None)
    assert error(config(Case(Shape(3), ("wavefront", 2, 4)), text)) > 1e-4


@pytest.mark.parametrize("count", [2, 8])
def test_one_device_computes_the_same_in_slices(text: str, count: int) -> None:
    asked = config(Case(Shape(1), ("gpipe", 4, 1)), text)
    whole, sliced = (Baseline(Form("chain", n), network_of(asked)) for n in (1, count))
    for number in range(BATCHES):
        for baseline in (whole, sliced):
            baseline.step(baseline.batch(number))
        gradients, *_ = relative_errors(whole.gradients(), sliced.gradients())
        assert max(gradients.values()) <= TOLERANCE["float64"]
        assert sliced.loss() == pytest.approx(whole.loss(), rel=1e-12)
