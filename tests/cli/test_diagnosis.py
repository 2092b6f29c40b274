"""What a run says of itself follows from its own record, whatever was measured."""

import re
from pathlib import Path

import msgspec
import pytest

from pipebench.diagnosis.causes import MESSAGES, UNEQUAL, overlap_text, work_text
from pipebench.diagnosis.step import step_of
from pipebench.records import documents, store
from pipebench.records.run import CompletedRun, RunRecord
from tests.cli.conftest import TINY, Pipebench

(NAIVE,) = (Path(__file__).parent.parent.parent / "results" / "schedules").glob("*-naive-*.json")
ONCE = ("--launches", "1", "--steps", "1", "--gpus", "4", "--layers", "4", "--device", "emulated", "--json")


def factors_by_text(record: RunRecord) -> dict[str, float]:
    config, step = record.config, step_of(record)
    assert step is not None
    assert step.factors is not None
    slices = config.microbatches * config.chunks
    texts = (overlap_text(slices), UNEQUAL, MESSAGES, work_text(slices, config.checkpoint))
    return dict(zip(texts, step.factors[1:5], strict=True))


@pytest.mark.parametrize(
    ("options", "most"),
    [
        (("--microbatches", "1"), "taking turns"),
        (("--schedule", "naive"), "taking turns"),
        (("--microbatches", "32", "--chunks", "8", "--hidden", "8"), "the work of 256 slices"),
    ],
)
def test_a_slow_pipeline_names_its_largest_loss_and_nothing_that_it_does_not_lose_by(
    options: tuple[str, ...], most: str, pipebench: Pipebench
) -> None:
    ended = pipebench("run", *TINY, *ONCE, *options)
    assert ended.code == 0, ended.err
    record = documents.decode(ended.out.encode(), "stdout")
    assert isinstance(record, RunRecord)
    factors = factors_by_text(record)
    assert max(factors, key=factors.__getitem__) == most
    told = {each.code: each.cause for each in record.warnings}
    if "imbalance" in told:
        assert f"{factors[UNEQUAL]:.2f}x as long as with equal stages" in told["imbalance"]
        assert factors[UNEQUAL] >= 1.05
    assert record.speedup is not None
    if record.speedup.value >= 1:  # by chance, of a plan that gains nothing
        assert "slower-than-one-device" not in told
        return
    named = re.findall(
        r"(\d+\.\d\d)x to ([^,]+?(?:, drain and waiting)?)(?:, then|$)", told["slower-than-one-device"]
    )
    assert named[0] == (f"{factors[most]:.2f}", most)
    assert [float(factor) for factor, _ in named] == sorted((float(f) for f, _ in named), reverse=True)
    assert {text: f"{factors[text]:.2f}" for _, text in named} == {text: factor for factor, text in named}


def test_nothing_on_the_page_of_an_old_record_contradicts_its_factors(pipebench: Pipebench) -> None:
    stored = store.read(NAIVE)
    assert isinstance(stored, RunRecord)
    assert any("so small" in warning.cause for warning in stored.warnings)
    shown = " ".join(pipebench("show", str(NAIVE), "--all").out.split())
    assert "so small" not in shown
    assert "it loses 7.99x to taking turns" in shown
    assert "sets the pace" not in shown
    printed = msgspec.json.decode(pipebench("show", "--json", str(NAIVE)).out.encode(), type=CompletedRun)
    assert printed == stored
