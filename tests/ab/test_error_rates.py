"""The error rates that ``ab`` promises, whatever look ends it, by seeded simulation of 2,000 pairs each."""

from collections import Counter
from random import Random

import pytest

from pipebench.ab import looks
from pipebench.ab.interleaving import Interleaved
from pipebench.comparison import fields, verdicts
from pipebench.comparison.compare import Rules
from tests.ab.launches import SIDES, Machine, Watcher

PAIRS = 2000
NUMBERS = looks.planned(looks.DEFAULT_MOST)
RULES = Rules(level=looks.level_of_each(NUMBERS))


@pytest.fixture(autouse=True)
def only_what_verdicts_hang_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is only told costs most of a comparison; all records are of one configuration."""
    monkeypatch.setattr(verdicts, "mann_whitney", lambda *groups: 1.0)
    monkeypatch.setattr(verdicts, "_detectable", lambda *metric: None)
    monkeypatch.setattr(verdicts, "_note", lambda *verdict: None)
    monkeypatch.setattr(fields, "drift", lambda *records: [])
    monkeypatch.setattr(fields, "mismatches", lambda *records, by=None: [])


class Outcomes(Counter[str]):
    """Verdicts of simulated pairs, and the launches a side that they took."""

    launches: list[int]


def outcomes(**machine: float) -> Outcomes:
    random, found = Random(str(machine)), Outcomes()
    found.launches = []
    for _ in range(PAIRS):
        watcher = Watcher()
        interleaved = Interleaved(SIDES, Machine(random, **machine).launch, watcher)
        interleaved._measure(NUMBERS, 1e9, RULES)
        found[watcher.notices[-1].rpartition(" ")[2]] += 1
        found.launches.append(interleaved.launches)
    return found


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
