"""The pipeline computes what the baseline computes: every schedule, device count, chunking and partition."""

from functools import partial
from pathlib import Path

import pytest

from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunConfig, RunOptions
from pipebench.engine.emulator import EmulatedPipeline
from pipebench.errors import RunFailedError
from pipebench.launching.messages import Form
from pipebench.measuring.baseline import Baseline
from pipebench.measuring.verification import relative_errors, verify
from pipebench.models.network import StepBatch
from pipebench.models.text import data
from pipebench.models.tolerances import gradient_tolerance
from pipebench.plan.checkpoints import CHECKPOINTS
from pipebench.plan.device_kind import DeviceKind
from pipebench.plan.transfers import add_transfers
from tests.builders import SLICINGS, network_of

SIZES = {"layers": 8, "hidden": 24, "vocab": 60, "batch": 8, "sequence_length": 8}
# Sentences of many lengths: batches get padding, and the last chunk of some sequences holds nothing else.
PADDED_TEXT = " ".join(f"{' '.join(f'w{n}' for n in range(k % 6 + 1))}." for k in range(60))


def both(config: RunConfig) -> tuple[EmulatedPipeline, Baseline]:
    """A pipeline and a baseline with the same parameters."""
    plan, network = add_transfers(config.plan), network_of(config)
    pipeline = EmulatedPipeline(plan, network, config.layout, cell=config.cell, checkpoint=config.checkpoint)
    return pipeline, Baseline(Form("chain"), network)


def largest_error(config: RunConfig) -> float:
    """The largest relative gradient error over two steps' worth of batches, checked against the tolerance."""
    pipeline, baseline = both(config)
    errors = []
    for number in range(2):  # the second step starts from updated parameters
        baseline.step(baseline.batch(number))
        pipeline.step(baseline.network.batch(number, microbatches=config.microbatches, chunks=config.chunks))
        verification = verify(
            baseline.gradients(),
            pipeline.gradients(),
            expected_loss=baseline.loss(),
            loss=pipeline.loss(),
            tolerance=gradient_tolerance(config.dtype, DeviceKind.EMULATED, 4096),
        )
        errors.append(verification.max_relative_gradient_error)
    return max(errors)


@pytest.fixture
def padded(tmp_path: Path) -> str:
    path = tmp_path / "padded.txt"
    path.write_text(PADDED_TEXT)
    return str(path)


def config(**options: object) -> RunConfig:
    return resolve(RunOptions(**({"synthetic": True} | SIZES | options)))  # type: ignore[arg-type]


@pytest.mark.parametrize("gpus", range(1, 9))
@pytest.mark.parametrize(("schedule", "microbatches", "chunks"), SLICINGS)
@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_every_schedule_gives_the_gradients_of_the_baseline(
    schedule: str, microbatches: int, chunks: int, gpus: int, checkpoint: str
) -> None:
    asked = config(
        schedule=schedule, microbatches=microbatches, chunks=chunks, gpus=gpus, checkpoint=checkpoint
    )
    assert largest_error(asked) <= 1e-5


@pytest.mark.parametrize("schedule", ["gpipe", "1f1b", "wavefront"])
@pytest.mark.parametrize("partition", ["5,1,2", "1,1,6", "2,6,0"])
def test_uneven_partitions_and_padded_text_give_the_gradients_of_the_baseline(
    schedule: str, partition: str, padded: str
) -> None:
    asked = config(
        schedule=schedule,
        microbatches=4,
        chunks=4,
        gpus=3,
        partition=partition,
        synthetic=False,
        text=padded,
    )
    loaded = data.load(asked)
    assert all(0 < batch.words < asked.outline.positions for batch in loaded.batches)
    assert largest_error(asked) <= 1e-5


def test_a_device_of_its_own_for_the_projection() -> None:
    asked = config(gpus=9, partition="1,1,1,1,1,1,1,1,0", microbatches=2)
    assert largest_error(asked) <= 1e-5


@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_chunked_gradients_are_exact_not_just_close(checkpoint: str) -> None:
    asked = config(
        schedule="wavefront", microbatches=2, chunks=8, gpus=4, dtype="float64", checkpoint=checkpoint
    )
    assert largest_error(asked) <= 1e-13


def test_a_carry_without_its_gradient_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mistake that truncated backpropagation would be: the state crosses, its gradient does not."""
    monkeypatch.setattr("pipebench.engine.stage._gradient", lambda tensor: tensor.grad * 0)
    asked = config(schedule="wavefront", microbatches=1, chunks=2, gpus=2)
    with pytest.raises(Exception, match="differs from the baseline"):
        largest_error(asked)


@pytest.mark.parametrize(
    ("dtype", "layers", "smallest"),
    [("float32", 2, 1e-2), ("float32", 8, 3e-6), ("float64", 9, 1e-6), ("float32", 9, 1e-6)],
)
def test_one_wrong_tensor_is_found_whichever_it_is(dtype: str, layers: int, smallest: float) -> None:
    """The gradient of each parameter in turn: lost, of the wrong sign, or without one microbatch's share."""
    asked = config(layers=layers, gpus=2, partition="even", dtype=dtype, microbatches=8, hidden=32, vocab=200)
    pipeline, baseline = both(asked)
    baseline.step(baseline.batch(0), update=False)
    right = baseline.gradients()
    shares = relative_errors(right, right).shares
    assert min(shares.values()) == pytest.approx(smallest, rel=0.9)
    sliced = baseline.network.batch(0, microbatches=8, chunks=asked.chunks)
    pipeline.step(sliced, update=False)
    found = pipeline.gradients()
    _, lone = both(asked)
    lone.step(StepBatch(sliced.inputs[:1], sliced.targets[:1], sliced.items), update=False)
    first = lone.gradients()
    check = partial(
        verify,
        right,
        expected_loss=1.0,
        loss=1.0,
        tolerance=gradient_tolerance(dtype, DeviceKind.EMULATED, 4096),
    )
    assert check(found).vanishing == []
    for name, gradient in found.items():
        assert gradient is not None
        for wrong in (None, -gradient, gradient - first[name]):
            with pytest.raises(RunFailedError, match=f"{name} of the pipeline differs"):
                check({**found, name: wrong})
