"""The faults that may not break a run: the record says so."""

from itertools import count

import pytest

from pipebench.launching import faults


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("slow@stage:7", 7),
        ("slow@stage:7:", 7),
        ("slow@stage:", None),
        ("slow@stage::50", None),
        ("slow@stage:x", None),
        ("kill@timed:1", None),
        ("", None),
    ],
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


@pytest.mark.parametrize(
    ("text", "rank", "breaks"),
    [
        ("raise@2F0:1", 1, True),
        ("raise@2F0:1", 0, False),
        ("raise@2F0", 0, True),
        ("raise@2F0", 1, False),
        ("raise@2F01:1", 1, False),
        ("raise@timed:1", 1, False),
        ("", 0, False),
    ],
)
def test_an_action_breaks_where_that_was_asked_for(
    text: str, rank: int, breaks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(faults.VARIABLE, text)
    done: list[int] = []

    def run() -> None:
        done.append(1)

    call = faults.in_action(run, "2F0", rank)
    assert (call is run) == (not breaks)
    if breaks:
        with pytest.raises(RuntimeError, match="injected at 2F0"):
            call()
        assert not done


@pytest.mark.parametrize(
    ("text", "took", "told"),
    [
        ("slow@stage:1", 1100.0, "10 %"),
        ("slow@stage:1:400", 5000.0, "400 %"),
        ("slow@stage:1:0", 1000.0, "0 %"),
    ],
)
def test_calls_take_so_much_longer(
    text: str, took: float, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a clock that moves by 1 at each reading, and by 1,000 in the call."""
    monkeypatch.setenv(faults.VARIABLE, text)
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
    assert clock() - begun == pytest.approx(took, abs=10)
    warning = faults.warning()
    assert warning is not None
    assert f"made stage 1 {told} slower" in warning.cause
