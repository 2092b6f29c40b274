"""Layers of the user's own give the single device's gradients, on emulated devices and on real ranks.

By default the shapes that cost little; all of them with OWN_MODELS=all (``make matrix``).
"""

import os
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunConfig, RunOptions
from pipebench.config.slicing import slices
from pipebench.engine.emulator import EmulatedPipeline
from pipebench.errors import RunFailedError
from pipebench.launching.messages import Form, Job
from pipebench.measuring.baseline import Baseline
from pipebench.measuring.computed import Computed, judge, judge_update, take_gradients
from pipebench.measuring.pair import EmulatedPair
from pipebench.models.own.describing import describe
from pipebench.plan.checkpoints import CHECKPOINTS
from pipebench.plan.transfers import add_transfers
from tests.builders import network_of
from tests.engine.live_ranks import Group

FILE = Path(__file__).with_name("own_models.py")
LAYERS = {"residual": 8, "convolution": 5, "masked": 5, "stateful": 4, "oscillating": 3}
ALONG = ("stateful", "oscillating")
PLANS = (("naive", 1, 1), ("gpipe", 4, 1), ("1f1b", 8, 1))
ALONG_TIME = (("gpipe", 2, 4), ("wavefront", 2, 4), ("1f1b", 4, 2), ("wavefront", 1, 8))
UNEVEN = {
    "residual": "5,1,2",
    "convolution": "1,3,1",
    "masked": "1,1,3",
    "stateful": "2,1,1",
    "oscillating": "1,1,1",
}
ALL = os.environ.get("OWN_MODELS") == "all"
FEW = 1 if ALL else 7


@cache
def described(model: str, dtype: str, schedule: str, microbatches: int, chunks: int) -> Any:
    options = RunOptions(gpus=1, schedule=schedule, microbatches=microbatches, chunks=chunks)
    return describe(
        f"{FILE}:{model}", batch=None, dtype=dtype, seed=0, slices=lambda b, t: slices(options, b, t)
    )


def config(model: str, gpus: int, plan: tuple[str, int, int], **more: Any) -> RunConfig:
    schedule, microbatches, chunks = plan
    options = RunOptions(
        gpus=gpus,
        model=f"{FILE}:{model}",
        schedule=schedule,
        microbatches=microbatches,
        chunks=chunks,
        **({"device": "emulated"} | more),
    )
    return resolve(options, described(model, options.dtype, *plan))


def cases() -> Iterator[tuple[str, int, tuple[str, int, int], str, str]]:
    for model, layers in LAYERS.items():
        plans = PLANS + (ALONG_TIME if model in ALONG else ())
        yield from product((model,), range(1, layers + 1), plans, CHECKPOINTS, ("float64", "float32"))


@pytest.mark.parametrize(("model", "gpus", "plan", "checkpoint", "dtype"), [*cases()][::FEW])
def test_emulated_devices_give_the_gradients_of_one(
    model: str, gpus: int, plan: tuple[str, int, int], checkpoint: str, dtype: str
) -> None:
    verified(config(model, gpus, plan, checkpoint=checkpoint, dtype=dtype))


@pytest.mark.parametrize("model", LAYERS)
def test_uneven_partitions_do(model: str) -> None:
    plan = ("wavefront", 2, 4) if model in ALONG else ("1f1b", 4, 1)
    verified(config(model, 3, plan, partition=UNEVEN[model], dtype="float64"))


def verified(asked: RunConfig) -> None:
    """As the first launch does it: the same start, loss, gradients and parameters after one update."""
    network, job = network_of(asked), Job(config=asked, data=None)
    pipeline = EmulatedPipeline(
        add_transfers(asked.plan),
        network,
        asked.layout,
        cell=asked.cell,
        checkpoint=asked.checkpoint,
    )
    baseline = Baseline(Form("chain-microbatches", 2), network)
    reference = Computed({**fingerprints(baseline)}, {}, 0.0)
    batch = network.batch(0, microbatches=asked.microbatches, chunks=asked.chunks)
    start = pipeline.fingerprints({})
    baseline.step(baseline.batch(0), update=False)
    reference = reference._replace(gradients=baseline.gradients(), loss=baseline.loss())
    pipeline.step(batch)
    gradients = pipeline.gradients()
    judge(job, reference, Computed(start, gradients, pipeline.loss()))
    take_gradients(baseline.model, gradients)
    baseline.optimizer.step()
    assert judge_update(job, parameters(baseline), pipeline.parameters()) == 0


def fingerprints(baseline: Baseline) -> dict[str, str]:
    from pipebench.models.fingerprints import hashes

    return hashes(baseline.model.kept())


def parameters(baseline: Baseline) -> dict[str, Any]:
    from pipebench.models.network import parameters_of

    return parameters_of(baseline.model)


RANKED = [case for case in cases() if case[1] in (1, 2, 3, 4) and case[4] == "float64"]


@pytest.mark.parametrize(("model", "gpus", "plan", "checkpoint", "dtype"), RANKED[:: 1 if ALL else 9])
def test_real_ranks_give_the_gradients_of_one(
    live_ranks: Group,
    tmp_path: Path,
    model: str,
    gpus: int,
    plan: tuple[str, int, int],
    checkpoint: str,
    dtype: str,
) -> None:
    asked = config(model, gpus, plan, checkpoint=checkpoint, dtype=dtype, device="cpu")
    assert live_ranks.run(asked, tmp_path)["error"] <= 1e-10


@pytest.mark.parametrize("model", LAYERS)
def test_uneven_partitions_do_on_real_ranks(live_ranks: Group, tmp_path: Path, model: str) -> None:
    plan = ("wavefront", 2, 4) if model in ALONG else ("gpipe", 4, 1)
    asked = config(model, 3, plan, partition=UNEVEN[model], device="cpu")
    assert live_ranks.run(asked, tmp_path)["error"] <= 1e-5


def pair_of(model: str) -> EmulatedPair:
    asked = config(model, 3, ("gpipe", 4, 1))
    pair = EmulatedPair(Job(config=asked, data=None), network_of(asked))
    pair.prime()
    pair.choose(Form("chain"))
    return pair


@pytest.mark.parametrize("model", ["writing", "partial"])
def test_an_optimizer_that_treats_each_parameter_by_itself_is_exact_however_it_does_it(model: str) -> None:
    verification = pair_of(model).verify()
    assert verification.max_relative_gradient_error <= 1e-5
    assert verification.max_relative_parameter_error == 0


@pytest.mark.parametrize("gpus", [1, 2])
def test_an_optimizer_that_writes_into_gradients_is_no_error_of_real_ranks(
    live_ranks: Group, tmp_path: Path, gpus: int
) -> None:
    """Rank 0's own gradients are held against the baseline's as they were before the update."""
    found = live_ranks.run(config("writing", gpus, ("gpipe", 4, 1), device="cpu"), tmp_path)
    assert found["error"] <= 1e-5
    assert found["parameter_error"] == 0


def test_an_optimizer_that_needs_all_parameters_is_found_by_the_update() -> None:
    with pytest.raises(
        RunFailedError, match="the optimizer computes something else if it has only some of the"
    ):
        pair_of("normed").verify()
