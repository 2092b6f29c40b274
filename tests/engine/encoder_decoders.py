"""Encoder-decoders to try on devices, in many shapes and slices, and how far they are from one device."""

from collections.abc import Iterator
from itertools import product
from math import sqrt
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from torch import Tensor

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
from pipebench.plan.transfers import add_transfers
from tests.builders import network_of

TOLERANCE = {"float32": 1e-5, "float64": 1e-10}
STEPS = 7  # of a sentence at most
SIZES = {
    "model": "seq2seq",
    "hidden": 10,
    "source_vocab": 29,
    "vocab": 23,
    "batch": 8,
    "sequence_length": STEPS,
    "launches": 1,
}

# Schedule, microbatches, chunks of each side: 7 steps in 1, 2, 3, 4, 5 or 7 of them, mostly of unequal lengths.
SLICINGS = (
    ("naive", 1, 1),
    ("gpipe", 4, 1),
    ("gpipe", 2, 3),
    ("1f1b", 8, 1),
    ("1f1b", 4, 4),
    ("1f1b-deep", 8, 2),
    ("wavefront", 1, 7),
    ("wavefront", 2, 5),
)


class Shape(NamedTuple):
    """Devices in all, who shares the softmax, pairs of layers, and how they are cut."""

    gpus: int
    sharing: Sharing = None
    layers: int = 4
    partition: str = "even"

    def options(self) -> dict[str, Any]:
        options = self._asdict()
        sharing = options.pop("sharing")
        return {**options, "softmax_devices": None if sharing is None else str(sharing)}


SHAPES = (
    *(Shape(n, layers=max(4, n)) for n in (1, 2, 3, 4, 8)),
    *(Shape(n, "all", layers=max(4, n)) for n in (1, 2, 3, 4, 8)),
    *(Shape(2 + n, n) for n in (1, 2, 3, 4, 8)),
    Shape(8, 4),
    Shape(3, partition="3,1,0"),
    Shape(5, partition="1,1,1,1,0"),
    Shape(2, layers=2, partition="2,0"),
    Shape(3, "all", partition="2,1,1"),
)


class Case(NamedTuple):
    """A shape, its slices, what is kept, and the input."""

    shape: Shape
    slicing: tuple[str, int, int]
    checkpoint: str = "none"
    dtype: str = "float64"
    bucket: bool = True


# Numbers, and whether sentences of like length share a batch: each pair of values occurs.
INPUTS = tuple(product(("float64", "float32"), (True, False)))


def cases(most: int = 99) -> Iterator[Case]:
    """Of as many devices at most."""
    for shape, slicing, checkpoint, (dtype, bucket) in product(SHAPES, SLICINGS, CHECKPOINTS, INPUTS):
        if shape.gpus <= most:
            yield Case(shape, slicing, checkpoint, dtype, bucket)


def named(case: Case) -> str:
    (gpus, sharing, layers, partition), (schedule, m, c), checkpoint, dtype, bucket = case
    return f"{gpus}-{sharing}-{layers}-{partition}-{schedule}-{m}x{c}-{checkpoint}-{dtype}-{bucket}"


def written(folder: Path) -> dict[str, str]:
    """Sentences of 1 to 7 words, their translations of 1 to 6; few of the longest, so that batches differ."""
    lengths = [(1 + 3 * n * n % 7, 1 + 5 * n * n * n % 6) for n in range(40)]
    lines = {
        side: [
            " ".join(f"{side}{(7 * n + 3 * word) % 31}" for word in range(each[place]))
            for n, each in enumerate(lengths)
        ]
        for place, side in enumerate(("source", "target"))
    }
    for side, each in lines.items():
        (folder / side).write_text("\n".join(each) + "\n")
    return {side: str(folder / side) for side in lines}


def config(case: Case, files: dict[str, str], device: str = "emulated") -> RunConfig:
    """A run of a case; what is clipped is twice what is let through."""
    schedule, microbatches, chunks = case.slicing
    options = SIZES | files | case.shape.options()
    options |= {"schedule": schedule, "microbatches": microbatches, "chunks": chunks, "device": device}
    options |= {"checkpoint": case.checkpoint, "dtype": case.dtype, "bucket": case.bucket}
    asked = resolve(RunOptions(**options))  # type: ignore[arg-type]
    return msgspec.structs.replace(asked, clipping=norm(asked) / 2)


def norm(asked: RunConfig) -> float:
    """Of all gradients of the first batch, on one device."""
    baseline = Baseline(Form("chain"), network_of(asked))
    baseline.step(baseline.batch(0), update=False)
    squares = [
        float(g.to_dense().double().square().sum()) for g in baseline.gradients().values() if g is not None
    ]
    return sqrt(sum(squares))


def both(asked: RunConfig) -> tuple[EmulatedPipeline, Baseline]:
    """A pipeline and a baseline with the same parameters."""
    plan, network = add_transfers(asked.plan), network_of(asked)
    pipeline = EmulatedPipeline(plan, network, asked.layout, cell=asked.cell, checkpoint=asked.checkpoint)
    return pipeline, Baseline(Form("chain"), network)


class Errors(NamedTuple):
    """The largest of some steps in a row."""

    gradients: float
    loss: float
    parameters: float


def errors(asked: RunConfig, pipeline: EmulatedPipeline, baseline: Baseline, steps: int = BATCHES) -> Errors:
    """Of steps in a row, each with an update; the first one is clipped to a half, whatever is held against it."""
    found = []
    start = {name: tensor.clone() for name, tensor in values(baseline).items()}
    for number in range(steps):
        baseline.step(baseline.batch(number))
        pipeline.step(baseline.network.batch(number, microbatches=asked.microbatches, chunks=asked.chunks))
        gradients, *_ = relative_errors(baseline.gradients(), pipeline.gradients())
        if number == 0:
            half = {
                name: start[name] - asked.learning_rate / 2 * grad for name, grad in dense(baseline).items()
            }
            halved, *_ = relative_errors(half, values(baseline), "parameters")
            assert max(halved.values()) <= TOLERANCE["float32"], "the norm's 1e-6 is in it"
        parameters, *_ = relative_errors(parameters_of(baseline.model), pipeline.parameters(), "parameters")
        loss = abs(pipeline.loss() - baseline.loss()) / baseline.loss()
        found.append((max(gradients.values()), loss, max(parameters.values())))
    return Errors(*map(max, zip(*found, strict=True)))


def values(baseline: Baseline) -> dict[str, Tensor]:
    return {name: parameter.detach() for name, parameter in baseline.model.named()}


def dense(baseline: Baseline) -> dict[str, Tensor]:
    return {
        name: gradient.to_dense() for name, gradient in baseline.gradients().items() if gradient is not None
    }


SOME = Case(Shape(3, "all"), ("gpipe", 2, 3))
