from math import exp, log
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipebench.statistics import GroupRatio, Interval, geometric_mean, group_ratio, ratio_interval
from tests.builders import PROPERTY

ratios = st.lists(st.floats(0.1, 10.0), min_size=2, max_size=12)


def test_geometric_mean() -> None:
    assert geometric_mean([2.0, 8.0]) == pytest.approx(4.0, rel=1e-12)
    assert geometric_mean([3.5]) == pytest.approx(3.5, rel=1e-12)


@PROPERTY
@given(ratios)
def test_interval_is_that_of_scipy_on_the_logarithms(values: list[float]) -> None:
    from scipy import stats

    found = ratio_interval(values)
    logs = [log(value) for value in values]
    center, error = sum(logs) / len(logs), float(stats.sem(logs))
    assert found.value == pytest.approx(stats.gmean(values), rel=1e-10)
    half = stats.t.ppf(0.975, len(values) - 1) * error
    assert found.low == pytest.approx(exp(center - half), rel=1e-9)
    assert found.high == pytest.approx(exp(center + half), rel=1e-9)


def test_interval_of_three_launches_by_hand() -> None:
    """Logarithms -0.1, 0, 0.1: mean 0, standard error 0.1 / sqrt(3), t(2) = 4.30265."""
    found = ratio_interval([exp(-0.1), 1.0, exp(0.1)])
    half = 4.302652729696142 * 0.1 / 3**0.5
    assert found.value == pytest.approx(1.0, rel=1e-12)
    assert found.low == pytest.approx(exp(-half), rel=1e-10)
    assert found.high == pytest.approx(exp(half), rel=1e-10)


def test_one_launch_has_a_value_and_no_interval() -> None:
    assert ratio_interval([3.5]) == Interval(pytest.approx(3.5, rel=1e-12), None, None)


def test_equal_launches_have_an_interval_of_no_width() -> None:
    found = ratio_interval([2.0, 2.0, 2.0])
    assert found.value == found.low == found.high == pytest.approx(2.0, rel=1e-12)


def test_more_confidence_makes_a_wider_interval() -> None:
    values = [3.4, 3.5, 3.6, 3.7]
    narrow, wide = ratio_interval(values, confidence=0.9), ratio_interval(values, confidence=0.99)
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high


@PROPERTY
@given(ratios, st.floats(0.1, 10.0))
def test_a_change_of_unit_scales_value_and_bounds(values: list[float], factor: float) -> None:
    one, other = ratio_interval(values), ratio_interval([factor * value for value in values])
    assert list(other) == pytest.approx([factor * bound for bound in one], rel=1e-9)


@PROPERTY
@given(ratios, ratios)
def test_the_ratio_of_two_groups_is_that_of_scipy_s_welch_test_on_logarithms(
    reference: list[float], candidate: list[float]
) -> None:
    from scipy import stats

    logs = [[log(value) for value in group] for group in (candidate, reference)]
    assume(all(max(group) - min(group) > 1e-6 for group in logs))  # scipy warns of less
    expected = stats.ttest_ind(*logs, equal_var=False)
    found = group_ratio(reference, candidate)
    assert found.value == pytest.approx(stats.gmean(candidate) / stats.gmean(reference), rel=1e-9)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-7, abs=1e-10)
    assert found.degrees == pytest.approx(expected.df, rel=1e-8)
    bounds = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((exp(bounds.low), exp(bounds.high)), rel=1e-7)


def test_a_ratio_without_two_launches_a_side_has_no_interval() -> None:
    assert group_ratio([2.0], [3.0]) == GroupRatio(pytest.approx(1.5), None, None, None, None, None)
    assert group_ratio([2.0, 2.1, 2.2], [3.0]).p_value is None


def test_groups_without_spread_are_the_same_or_are_not() -> None:
    equal, differing = group_ratio([2.0, 2.0], [2.0, 2.0]), group_ratio([2.0, 2.0], [3.0, 3.0])
    assert (equal.low, equal.value, equal.high, equal.p_value) == (1.0, 1.0, 1.0, 1.0)
    assert differing.low == differing.value == differing.high == pytest.approx(1.5)
    assert differing.p_value == 0.0


@PROPERTY
@given(ratios, ratios)
def test_exchanging_the_groups_inverts_ratio_and_bounds(one: list[float], other: list[float]) -> None:
    there, back = group_ratio(one, other), group_ratio(other, one)
    assert there.low is not None
    assert there.high is not None
    assert (back.value, back.low, back.high) == pytest.approx(
        (1 / there.value, 1 / there.high, 1 / there.low), rel=1e-9
    )
    assert back.p_value == pytest.approx(there.p_value, rel=1e-9, abs=1e-12)


def covered(reference_sd: float, candidate_sd: float, sizes: tuple[int, int]) -> float:
    """How often, of 2,000 simulated pairs, the interval holds the true ratio of 1.05."""
    random, hits = Random(7), 0
    for _ in range(2000):
        reference = [exp(random.gauss(0, reference_sd)) for _ in range(sizes[0])]
        candidate = [1.05 * exp(random.gauss(0, candidate_sd)) for _ in range(sizes[1])]
        found = group_ratio(reference, candidate)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 1.05 <= found.high
    return hits / 2000


@pytest.mark.parametrize(
    ("reference_sd", "candidate_sd", "sizes"),
    [(0.01, 0.01, (6, 6)), (0.003, 0.03, (4, 12)), (0.03, 0.003, (6, 12))],
)
def test_intervals_of_95_percent_hold_the_truth_that_often(
    reference_sd: float, candidate_sd: float, sizes: tuple[int, int]
) -> None:
    assert covered(reference_sd, candidate_sd, sizes) == pytest.approx(0.95, abs=0.015)
