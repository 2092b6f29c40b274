"""Several pipelines in one launch, against one baseline."""

import time
from collections.abc import Sequence

import pytest

from pipebench.config.run_config import RunConfig
from pipebench.launching import messages
from pipebench.launching.launcher import Launcher
from pipebench.launching.phases import Phase
from pipebench.models.registry import given_to
from pipebench.records.launches import Launch
from tests.builders import run_config


def reported(configs: Sequence[RunConfig], form: messages.Form | None = None) -> list[messages.AnyMessage]:
    """All that a launch of these pipelines reports."""
    first, *others = configs
    job = messages.Job(
        config=first,
        data=given_to(first).data,
        beside=tuple(others),
        form=form,
        host_flops_per_s=None if form is None else 5e9,
    )
    return list(Launcher(deadline=time.monotonic() + 120).run(job))


def launches(found: Sequence[messages.AnyMessage]) -> dict[int, Launch]:
    return {each.which: each.launch for each in found if isinstance(each, messages.Measured)}


@pytest.mark.parametrize("device", ["emulated", "cpu"])
def test_all_are_verified_and_measured_beside_the_same_baseline_steps(device: str) -> None:
    configs = [
        run_config(device=device, steps=2),
        run_config(device=device, steps=2, schedule="wavefront", microbatches=2, chunks=4),
        run_config(device=device, steps=2, schedule="1f1b", microbatches=8),
    ]
    found = reported(configs)
    verified = {each.which: each.verification for each in found if isinstance(each, messages.Verified)}
    assert sorted(verified) == [0, 1, 2]
    assert all(each.max_relative_gradient_error <= each.tolerance for each in verified.values())
    measured = launches(found)
    assert sorted(measured) == [0, 1, 2]
    baselines = [each.baseline for each in measured.values()]
    assert baselines[0] == baselines[1] == baselines[2]
    assert len(baselines[0].step_s) == 2
    assert all(len(each.pipeline.step_s) == 2 for each in measured.values())
    assert len({tuple(each.pipeline.step_s) for each in measured.values()}) == 3
    for launch in measured.values():
        assert [block.kind for block in launch.blocks] == ["baseline", "pipeline", "pipeline", "baseline"]
    starts = [[block.start_s for block in launch.blocks] for launch in measured.values()]
    assert starts[0][1] < starts[1][1] < starts[2][1] < starts[2][2] < starts[1][2] < starts[0][2]  # and back
    timelines = {each.which: each.timelines for each in found if isinstance(each, messages.Measured)}
    assert len(timelines[1][0].spans) == 2 * 2 * 2 * 4
    assert len(timelines[2][0].spans) == 2 * 2 * 8
    blocks = [each for each in found if isinstance(each, messages.Progress) and each.phase is Phase.TIMED]
    assert len(blocks) == 8


@pytest.mark.parametrize("device", ["emulated", "cpu"])
def test_pipelines_that_share_the_softmax_in_other_pieces_are_verified_too(device: str) -> None:
    configs = [
        run_config(device=device, steps=1, gpus=3, layers=3, softmax_devices=shared)
        for shared in (None, "all", "2")
    ]
    assert len({str(each.pieces) for each in configs}) == 3
    found = reported(configs)
    assert [each.which for each in found if isinstance(each, messages.Verified)] == [0, 1, 2]


def test_one_that_computes_something_else_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPEBENCH_INJECT", "wrong@projection.bias")
    with pytest.raises(Exception, match=r"projection\.bias"):
        reported([run_config(), run_config(schedule="1f1b")])
