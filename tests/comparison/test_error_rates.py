"""The error rates that the project promises, by seeded simulation of whole records."""

from collections import Counter
from functools import partial
from math import sqrt
from pathlib import Path
from random import Random

import msgspec
import pytest

from pipebench.comparison.compare import compare
from pipebench.comparison.verdicts import LEVEL
from pipebench.records.comparison import ComparisonRecord
from pipebench.records.launches import Launch
from pipebench.records.run import RunRecord
from pipebench.records.selection import Source
from pipebench.statistics import minimum_detectable_effect
from tests.builders import measured_record, noisy_launches

PAIRS = 2000


def verdicts_of(log_sd: float, *, slower: float = 1.0, pairs: int = PAIRS) -> Counter[str]:
    """The overall verdicts of simulated pairs of 6 launches: noise of launches, and of steps within them."""
    random = Random(f"{log_sd} {slower}")
    draw = partial(noisy_launches, random, log_sd=log_sd)
    template = measured_record(draw())
    return Counter(_verdict(template, draw(), draw(slower=slower)) for _ in range(pairs))


def _verdict(template: RunRecord, *sides: list[Launch]) -> str:
    return _compared(template, *sides).overall.verdict


def _compared(template: RunRecord, *sides: list[Launch]) -> ComparisonRecord:
    reference, candidate = (msgspec.structs.replace(template, launches=side) for side in sides)
    return compare([Source(reference, Path("a.json")), Source(candidate, Path("b.json"))])


@pytest.mark.parametrize("log_sd", [0.003, 0.01])
def test_equal_runs_are_called_a_regression_in_5_percent_of_pairs_at_most(log_sd: float) -> None:
    found = verdicts_of(log_sd)
    assert found["regression"] + found["improvement"] <= 0.05 * PAIRS
    assert found["same"] >= (0.99 if log_sd < 0.01 else 0.65) * PAIRS  # else inconclusive


def test_a_slowdown_of_5_percent_at_1_percent_noise_is_found_by_6_launches_in_95_percent() -> None:
    assert verdicts_of(0.01, slower=1.05)["regression"] >= 0.95 * PAIRS


@pytest.mark.parametrize(("log_sd", "launches"), [(0.03, 6), (0.02, 4), (0.03, 12)])
def test_what_is_said_to_be_found_95_times_in_100_is_found_through_the_default_gates(
    log_sd: float, launches: int
) -> None:
    """Both gates together: Holm's adjustment is part of what a worsening must overcome."""
    pairs, random = 600, Random(f"{log_sd} {launches}")
    template = measured_record(noisy_launches(random))
    of_a_launch = log_sd * sqrt(1 + 1 / 8)  # with the median of its two steps, which spread by half as much
    effect = minimum_detectable_effect(of_a_launch, launches, confidence=1 - LEVEL / 2)
    draw = partial(noisy_launches, random, launches, log_sd=log_sd)
    found = Counter(
        _compared(template, draw(), draw(slower=1 + effect)).metrics["words_per_s"].verdict
        for _ in range(pairs)
    )
    # 0.95 nearly, as Welch has fewer degrees of freedom than equal spreads would have; 0.86 to 0.91 without Holm
    assert 0.92 * pairs <= found["regression"] <= 0.975 * pairs


def test_noise_far_above_the_threshold_makes_no_more_false_alarms() -> None:
    found = verdicts_of(0.06, pairs=PAIRS // 2)
    assert found["regression"] <= 0.05 * PAIRS / 2
    assert found["same"] <= 0.01 * PAIRS / 2


def test_a_drift_of_2_percent_under_abba_raises_no_more_false_alarms() -> None:
    """12 launches in one session, ABBA, everything slowing down by 2 % from the first to the last."""
    random = Random(29)
    template = measured_record(noisy_launches(random))
    order, found = "ABBAABBAABBA", Counter[str]()
    for _ in range(PAIRS):
        sides: dict[str, list[Launch]] = {"A": [], "B": []}
        for number, side in enumerate(order):
            drifted = 1 + 0.02 * number / (len(order) - 1)
            sides[side] += noisy_launches(random, 1, log_sd=0.005, slower=drifted)
        found[_verdict(template, sides["A"], sides["B"])] += 1
    assert found["regression"] <= 0.05 * PAIRS
