"""The faults that may not break a run: the record says so."""

from itertools import count

import pytest

from pipebench.runtime import faults


@pytest.mark.parametrize(
    ("text", "stage"),
    [("slow@stage:7", 7), ("slow@stage:", None), ("slow@stage:x", None), ("kill@timed:1", None), ("", None)],
)
def test_the_stage_is_named(text: str, stage: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(faults.VARIABLE, text)
    assert faults.slow_stage() == stage
    warning = faults.warning()
    assert (warning is None) == (stage is None)
    if warning is not None:
        assert f"made stage {stage} 10 % slower" in warning.cause
        assert "no figure of this record is a measurement" in warning.next_step


@pytest.mark.parametrize(
    ("text", "tensor"),
    [
        ("wrong@embedding.weight", "embedding.weight"),
        ("slow@stage:1", None),
        ("kill@start", None),
        ("", None),
    ],
)
def test_the_lost_gradient_is_named(text: str, tensor: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(faults.VARIABLE, text)
    assert faults.wrong_tensor() == tensor
    warning = faults.warning()
    assert (warning is not None and f"gradient of {tensor}" in warning.cause) == (tensor is not None)


def test_calls_take_10_percent_longer() -> None:
    """On a clock that moves by 1 at each reading, and by 1,000 in the call."""
    readings = count(0.0)
    now = [0.0]

    def clock() -> float:
        return now[0] + next(readings)

    def work() -> None:
        now[0] += 1000.0

    calls = faults.slowed((work,), clock)
    begun = clock()
    for call in calls:
        call()
    assert clock() - begun == pytest.approx(1100.0, abs=6)
