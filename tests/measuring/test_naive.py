"""The naive schedule as the baseline: on emulated devices and on real ranks, some of which are idle."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipebench.config.run_config import RunConfig
from pipebench.launching.messages import Job
from pipebench.measuring.naive import FORM, EmulatedNaive, naive_plan
from pipebench.measuring.pair import EmulatedPair
from tests.builders import network_of, run_config
from tests.engine.live_ranks import Group


def config(baseline: tuple[int, ...], **more: Any) -> RunConfig:
    options = {"gpus": 3, "layers": 4, "synthetic": True, "machine": None, "device": "emulated"} | more
    return msgspec.structs.replace(run_config(**options), baseline_partition=baseline)


def test_its_plan_has_one_slice_and_one_stage_a_device() -> None:
    plan = naive_plan(config((2, 1, 1)).outline, (2, 1, 1))
    assert (plan.graph.stages, plan.graph.microbatches, plan.graph.chunks) == (3, 1, 1)
    assert [len(program) for program in plan.programs] == [4, 6, 4]  # with sends and receives
    assert plan.program(2) == plan.programs[2]
    assert plan.program(3) == ()


def test_a_pipeline_is_verified_against_it_and_its_steps_take_messages() -> None:
    asked = config((2, 2))
    pair = EmulatedPair(Job(config=asked, data=None), network_of(asked))
    raced = pair.race(lambda _: None)
    assert raced.form == FORM
    assert [candidate.kind for candidate in raced.candidates] == ["naive"]
    assert raced.host_flops_per_s is not None
    verification = pair.verify()
    assert verification.max_relative_gradient_error <= 1e-5
    assert verification.max_relative_parameter_error == 0
    for number in range(2):
        assert pair.baseline_step(number) > 0
        pair.pipeline_step(number)
        pair.check_losses(steps=number + 1)
    assert isinstance(pair.naive, EmulatedNaive)
    assert pair.naive.link == pair.link
    before = pair.naive.step(0)
    pair.naive.link = type(pair.link)(latency_s=100.0)
    assert pair.naive.step(0) > before + 199  # one message there and one back


@pytest.mark.parametrize(("gpus", "baseline"), [(3, (2, 2)), (2, (3, 1)), (4, (2, 1, 1))])
def test_real_ranks_are_verified_against_it_while_the_last_ones_wait(
    live_ranks: Group, tmp_path: Path, gpus: int, baseline: tuple[int, ...]
) -> None:
    asked = config(baseline, gpus=gpus, device="cpu", microbatches=4, batch=8)
    found = live_ranks.run(asked, tmp_path)
    assert found["error"] <= 1e-5
    assert found["parameter_error"] == 0
    assert len(found["timeline"]["spans"]) == 2 * gpus * 4
