from math import exp, expm1, log, sqrt
from random import Random
from statistics import fmean, variance

import pytest

from pipebench.statistics import (
    detection_power,
    launches_needed,
    minimum_detectable_effect,
    student_t_quantile,
)


@pytest.mark.parametrize("launches", [2, 3, 6, 12])
@pytest.mark.parametrize("effect", [0.005, 0.01, 0.03])
def test_power_without_a_threshold_is_that_of_the_noncentral_t(launches: int, effect: float) -> None:
    from scipy import stats

    error, degrees = 0.01 * sqrt(2 / launches), 2 * launches - 2
    critical = stats.t.ppf(0.975, degrees)
    expected = stats.nct.sf(critical, degrees, log(1 + effect) / error)
    assert detection_power(effect, error, degrees, threshold=0.0) == pytest.approx(expected, abs=2e-3)


def simulated_power(effect: float, log_sd: float, launches: int, threshold: float) -> float:
    """The same rule applied to 4,000 simulated pairs."""
    random, found = Random(17), 0
    critical = student_t_quantile(0.975, 2 * launches - 2)
    for _ in range(4000):
        one = [random.gauss(0, log_sd) for _ in range(launches)]
        other = [random.gauss(log(1 + effect), log_sd) for _ in range(launches)]
        difference = fmean(other) - fmean(one)
        error = sqrt((variance(one) + variance(other)) / launches)
        found += difference > max(critical * error, log(1 + threshold))
    return found / 4000


@pytest.mark.parametrize(("log_sd", "launches"), [(0.01, 6), (0.003, 4), (0.03, 12), (0.02, 4)])
def test_the_minimum_detectable_effect_is_found_with_its_power(log_sd: float, launches: int) -> None:
    for power in (0.8, 0.95):
        effect = minimum_detectable_effect(log_sd, launches, power=power)
        assert simulated_power(effect, log_sd, launches, 0.03) == pytest.approx(power, abs=0.02)


def test_5_percent_at_1_percent_noise_and_6_launches_is_above_the_minimum() -> None:
    assert 0.03 < minimum_detectable_effect(0.01, 6) < 0.05


def test_more_launches_less_noise_and_a_lower_threshold_find_smaller_effects() -> None:
    base = minimum_detectable_effect(0.02, 6)
    assert minimum_detectable_effect(0.02, 12) < base
    assert minimum_detectable_effect(0.01, 6) < base
    assert minimum_detectable_effect(0.02, 6, threshold=0.01) < base
    assert minimum_detectable_effect(0.02, 6, power=0.99) > base


@pytest.mark.parametrize("log_sd", [5e-324, 1e-300, 1e-9, 50.0, 1e300])
def test_any_noise_has_an_answer(log_sd: float) -> None:
    found = minimum_detectable_effect(log_sd, 2, threshold=0.0)
    assert 0 <= found < float("inf")


def test_without_noise_all_beyond_the_threshold_is_found() -> None:
    assert minimum_detectable_effect(0.0, 6) == pytest.approx(0.03)
    assert detection_power(0.031, 0.0, 10) == 1.0
    assert detection_power(0.029, 0.0, 10) == 0.0


@pytest.mark.parametrize("log_sd", [0.005, 0.01, 0.02, 0.04])
def test_launches_needed_are_the_fewest_with_so_narrow_an_interval(log_sd: float) -> None:
    needed = launches_needed(log_sd, 0.02)
    assert needed is not None

    def half_width(launches: int) -> float:
        return expm1(student_t_quantile(0.975, 2 * launches - 2) * log_sd * sqrt(2 / launches))

    assert half_width(needed) <= 0.02
    assert needed == 4 or half_width(needed - 1) > 0.02


def test_launches_needed_have_a_floor_and_an_end() -> None:
    assert launches_needed(0.0, 0.02) == 4
    assert launches_needed(0.5, 0.001) is None


def test_an_effect_is_relative_not_logarithmic() -> None:
    assert minimum_detectable_effect(1e-9, 6, threshold=0.5) == pytest.approx(exp(log(1.5)) - 1, rel=1e-5)
