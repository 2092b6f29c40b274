"""The encoder-decoder on devices computes what one device does: loss, gradients, and parameters after a clipped update.

By default some of the shapes; all of them with SEQ2SEQ=all (``make matrix``).
"""

import os
from collections import Counter
from collections.abc import Iterator
from itertools import product
from math import sqrt
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
import torch
from torch import Tensor

from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunConfig, RunOptions
from pipebench.engine.device import CpuDevice
from pipebench.engine.emulator import EmulatedPipeline
from pipebench.engine.stage import Payload, Stage
from pipebench.engine.transport import Mailbox
from pipebench.errors import RunFailedError
from pipebench.launching.messages import Form, Job
from pipebench.measuring.baseline import Baseline
from pipebench.measuring.pair import EmulatedPair
from pipebench.measuring.ranked_naive import _fits
from pipebench.measuring.verification import check_same_loss, relative_errors
from pipebench.models.layout import Sharing
from pipebench.models.network import parameters_of
from pipebench.models.outline import BATCHES
from pipebench.models.registry import given_to, network_for
from pipebench.models.sgd import ClippedSGD
from pipebench.models.text.data import PADDING
from pipebench.plan.checkpoints import CHECKPOINTS
from pipebench.plan.transfers import Message, add_transfers, messages_of
from pipebench.timing.links import Link
from tests.builders import network_of
from tests.engine.live_ranks import MOST, Group

ALL = os.environ.get("SEQ2SEQ") == "all"
EMULATED, RANKED = (1, 5) if ALL else (37, 139)  # every so many-th case
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


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """As a launch has it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return written(tmp_path_factory.mktemp("pairs"))


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


@pytest.mark.parametrize("case", [*cases()][::EMULATED], ids=named)
def test_emulated_devices_compute_what_one_device_does(case: Case, files: dict[str, str]) -> None:
    asked = config(case, files)
    assert max(errors(asked, *both(asked))) <= TOLERANCE[asked.dtype]


@pytest.mark.parametrize("case", [*cases(MOST)][::RANKED], ids=named)
def test_real_ranks_compute_what_one_device_does(
    live_ranks: Group, tmp_path: Path, case: Case, files: dict[str, str]
) -> None:
    asked = config(case, files, device="cpu")
    result = live_ranks.run(asked, tmp_path)
    assert result["error"] <= TOLERANCE[asked.dtype]
    assert result["parameter_error"] <= TOLERANCE[asked.dtype]
    graph, timeline = asked.graph, result["timeline"]
    slices = sum(len(graph.chunks_of(stage)) for stage in range(graph.stages)) * graph.microbatches
    assert len(timeline["spans"]) == 2 * slices
    names = Counter(other["name"] for other in timeline["other"])
    every = dict.fromkeys(("zero_grad", "optimizer", "norm", "clip"), graph.devices)
    assert names == {**every, "norm_total": 1}
    travelling = [(t["action"], t["consumer"]) for t in timeline["transfers"]]
    assert len(travelling) == len(set(travelling)) == len(messages_of(graph))


SOME = Case(Shape(3, "all"), ("gpipe", 2, 3))


@pytest.mark.parametrize("bucket", [True, False])
def test_the_batches_have_padding_and_slices_of_unequal_lengths(
    files: dict[str, str], *, bucket: bool
) -> None:
    """Of the cases above, on both sides of the model: or little of them would be tried."""
    asked = config(SOME._replace(bucket=bucket), files)
    network = network_of(asked)
    batches = [network.batch(number, microbatches=2, chunks=3) for number in range(BATCHES)]
    assert all(batch.steps is not None for batch in batches)
    lengths = {steps for batch in batches for steps in batch.steps or ()}
    assert len(lengths) >= 3
    assert any(len(set(steps[:3])) > 1 for steps in lengths)
    assert any(len(set(steps[3:])) > 1 for steps in lengths)
    assert len({batch.items for batch in batches}) > 1
    for batch in batches:
        words = sum(int((target != PADDING).sum()) for row in batch.targets for target in row[3:])
        room = sum(target.numel() for row in batch.targets for target in row[3:])
        begun = sum(int(target.sum()) for row in batch.targets for target in row[:3])
        assert words + begun == batch.items
        assert words < room


@pytest.mark.parametrize("chunks", [1, 4, STEPS])
@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_sentences_of_one_word_leave_whole_chunks_to_nobody(
    tmp_path: Path, checkpoint: str, chunks: int
) -> None:
    for side in ("source", "target"):
        (tmp_path / side).write_text("a\nb\nc\n")
    case = Case(Shape(3, 2), ("wavefront", 2, chunks), checkpoint)
    asked = config(case, {side: str(tmp_path / side) for side in ("source", "target")})
    batch = network_of(asked).batch(0, microbatches=2, chunks=chunks)
    assert sum(not target.any() for target in batch.targets[0][:chunks]) == chunks - 1
    assert max(errors(asked, *both(asked))) <= TOLERANCE["float64"]


@pytest.mark.parametrize("count", [2, 8])
def test_one_device_computes_the_same_in_slices(files: dict[str, str], count: int) -> None:
    asked = config(SOME, files)
    whole, sliced = (Baseline(Form("chain", n), network_of(asked)) for n in (1, count))
    for number in range(BATCHES):
        for baseline in (whole, sliced):
            baseline.step(baseline.batch(number))
        gradients, *_ = relative_errors(whole.gradients(), sliced.gradients())
        parameters, *_ = relative_errors(parameters_of(whole.model), parameters_of(sliced.model))
        assert max(*gradients.values(), *parameters.values()) <= TOLERANCE["float64"]
        assert sliced.loss() == pytest.approx(whole.loss(), rel=1e-12)


def test_a_primed_pipeline_in_another_order_computes_the_same(files: dict[str, str]) -> None:
    asked = config(SOME, files)
    plan, network = add_transfers(asked.plan), network_of(asked)
    pipeline = EmulatedPipeline(plan, network, asked.layout, order="dependence")
    pipeline.prime(network.batch(3, microbatches=2, chunks=3))
    assert max(errors(asked, pipeline, Baseline(Form("chain"), network))) <= TOLERANCE["float64"]


def test_each_message_is_as_large_as_is_said(files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """By its slice's steps; what is on the way of the norm too."""
    asked = config(Case(Shape(4, 2), ("gpipe", 2, 3)), files)
    sent: dict[Message, int] = {}
    right = Mailbox.send

    def counted(self: Mailbox, message: Message, payload: Payload) -> None:
        sent[message] = sum(tensor.nbytes for tensor in payload)
        right(self, message, payload)

    monkeypatch.setattr(Mailbox, "send", counted)
    pipeline, baseline = both(asked)
    for number in range(BATCHES):
        batch = baseline.network.batch(number, microbatches=2, chunks=3)
        sent.clear()
        costs = pipeline.step(batch)
        assert list(sent) != []
        assert sent == {m: pipeline.message_bytes(m, batch.steps) for m in messages_of(asked.graph)}
        slow = pipeline.timeline(costs, Link(bytes_per_s=1.0), batch.steps)
        for transfer in slow.transfers:
            assert transfer.end_s - transfer.start_s == pytest.approx(sent[transfer.message], rel=1e-6)


def launched(asked: RunConfig) -> EmulatedPair:
    """A launch up to its verification."""
    given = given_to(asked)
    pair = EmulatedPair(Job(config=asked.with_input(given), data=given.data), network_for(asked, given.data))
    pair.prime()
    pair.race(lambda _: None)
    return pair


@pytest.mark.parametrize("naive", [None, (4,), (2, 2), (1, 2, 1), (3, 1, 0)], ids=str)
def test_a_launch_verifies_start_gradients_loss_and_a_clipped_update(
    files: dict[str, str], naive: tuple[int, ...] | None
) -> None:
    """Against one device, and against the naive schedule on several."""
    asked = msgspec.structs.replace(config(SOME, files), baseline_partition=naive)
    pair = launched(asked)
    verification = pair.verify()
    assert verification.max_relative_gradient_error <= 1e-12
    assert verification.max_relative_parameter_error is not None
    assert verification.max_relative_parameter_error <= 1e-12
    assert verification.tensors == 2 + 4 * 2 * 4 + 2, "a shared tensor is one tensor"
    for number in range(3):
        assert pair.baseline_step(number) > 0
        pair.pipeline_step(number)
        check_same_loss(pair.single.loss(), pair.pipeline.loss(), steps=1)
    assert pair.pipeline.loss() == pytest.approx(pair.single.loss(), rel=1e-12)


@pytest.mark.parametrize("naive", [(2, 2), (3, 1, 0)], ids=str)
def test_real_ranks_are_verified_against_the_naive_schedule(
    live_ranks: Group, tmp_path: Path, files: dict[str, str], naive: tuple[int, ...]
) -> None:
    case = Case(Shape(4, "all"), ("gpipe", 2, 3), bucket=False)
    asked = msgspec.structs.replace(config(case, files, device="cpu"), baseline_partition=naive)
    result = live_ranks.run(asked, tmp_path)
    assert result["error"] <= 1e-12
    assert result["parameter_error"] <= 1e-12


@pytest.mark.parametrize("partition", [(2, 2), (3, 1, 0)])
def test_each_device_s_part_of_the_naive_schedule_can_be_tried_by_itself(
    files: dict[str, str], partition: tuple[int, ...]
) -> None:
    """With empty messages, as GPUs do to see whether it fits."""
    network = network_of(config(SOME, files))
    for rank in range(len(partition)):
        assert _fits(network, CpuDevice(), partition, rank)


@pytest.mark.parametrize("device", range(3))
def test_a_share_of_the_norm_that_is_dropped_is_noticed(
    files: dict[str, str], device: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gradients are right then, and the update is not."""
    asked = config(SOME, files)
    pipeline, baseline = both(asked)

    def nothing() -> Tensor:
        return torch.zeros(1, dtype=torch.float64)

    monkeypatch.setattr(pipeline.executors[device].optimizer, "squared_norm", nothing)
    found = errors(asked, pipeline, baseline, steps=1)
    assert max(found.gradients, found.loss) <= TOLERANCE["float64"]
    assert found.parameters > 10 * TOLERANCE["float32"]
    pair = launched(asked)
    monkeypatch.setattr(pair.pipeline.executors[device].optimizer, "squared_norm", nothing)
    with pytest.raises(RunFailedError, match="after one update with the same gradients"):
        pair.verify()


def test_a_device_that_clips_by_its_own_share_is_noticed(
    files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = config(SOME, files)
    monkeypatch.setattr(ClippedSGD, "clip", lambda self, _: None)
    found = errors(asked, *both(asked), steps=1)
    assert max(found.gradients, found.loss) <= TOLERANCE["float64"]
    assert found.parameters > 10 * TOLERANCE["float32"]


def test_a_state_whose_gradient_does_not_cross_to_the_encoder_is_noticed(
    files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = config(SOME, files)
    right = Stage.backward

    def wrong(self: Stage, microbatch: int, chunk: int, received: Any) -> Any:
        found = right(self, microbatch, chunk, received)
        if chunk == asked.chunks:  # the first one of the decoder
            self._carried_gradients[microbatch] = None
        return found

    monkeypatch.setattr(Stage, "backward", wrong)
    assert errors(asked, *both(asked), steps=1).gradients > 0.5
