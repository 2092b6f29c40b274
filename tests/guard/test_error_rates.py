"""``guard`` has the error rates of ``ab``: seeded simulation of 2,000 pairs each."""

import pytest

from tests.ab.rates import PAIRS, Outcomes, only_what_verdicts_hang_on, outcomes_of
from tests.guard.launches import SIDES, Machine


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    only_what_verdicts_hang_on(monkeypatch)


def outcomes(**machine: float) -> Outcomes:
    return outcomes_of(SIDES, Machine, **machine)


@pytest.mark.parametrize("machine", [{"log_sd": 0.003}, {"log_sd": 0.01}, {"log_sd": 0.003, "drift": 0.02}])
def test_equal_sides_are_called_different_in_5_percent_at_most(machine: dict[str, float]) -> None:
    found = outcomes(**machine)
    assert found["regression"] + found["improvement"] <= 0.05 * PAIRS
    assert "drift" in machine or found["same"] >= 0.95 * PAIRS


def test_a_slowdown_of_5_percent_at_1_percent_noise_is_found_in_95_percent() -> None:
    found = outcomes(log_sd=0.01, slower=1.05)
    assert found["regression"] >= 0.95 * PAIRS
    assert sum(found.launches) / PAIRS < 8
