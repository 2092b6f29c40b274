"""The error rates that ``ab`` promises, whatever look ends it, by seeded simulation of 2,000 pairs each."""

import pytest

from tests.ab.launches import SIDES, Machine
from tests.ab.rates import PAIRS, Outcomes, only_what_verdicts_hang_on, outcomes_of


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    only_what_verdicts_hang_on(monkeypatch)


def outcomes(**machine: float) -> Outcomes:
    return outcomes_of(SIDES, Machine, **machine)


@pytest.mark.parametrize("log_sd", [0.003, 0.01])
def test_equal_sides_are_called_a_regression_in_5_percent_at_most(log_sd: float) -> None:
    found = outcomes(log_sd=log_sd)
    assert found["regression"] + found["improvement"] <= 0.05 * PAIRS
    assert found["same"] >= 0.95 * PAIRS


def test_a_drift_of_2_percent_in_12_launches_makes_no_more_false_alarms() -> None:
    """It goes on at that pace: 8 % at the end of a pair that nothing else ends."""
    found = outcomes(log_sd=0.003, drift=0.02, over=12)
    assert found["regression"] + found["improvement"] <= 0.05 * PAIRS


def test_a_slowdown_of_5_percent_at_1_percent_noise_is_found_in_95_percent() -> None:
    found = outcomes(log_sd=0.01, slower=1.05)
    assert found["regression"] >= 0.95 * PAIRS
    assert sum(found.launches) / PAIRS < 8
