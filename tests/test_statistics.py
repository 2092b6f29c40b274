from math import exp, inf, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.statistics import (
    Interval,
    geometric_mean,
    incomplete_beta,
    ratio_interval,
    student_t_cdf,
    student_t_quantile,
)
from tests.builders import PROPERTY

ratios = st.lists(st.floats(0.1, 10.0), min_size=2, max_size=12)


@pytest.mark.parametrize("degrees", [1, 1.5, 2, 3, 4, 5, 7, 11, 29, 100, 1000])
def test_student_quantiles_are_those_of_scipy(degrees: float) -> None:
    from scipy import stats

    for probability in (0.001, 0.025, 0.1, 0.45, 0.5, 0.6, 0.75, 0.9, 0.95, 0.975, 0.995, 0.9999):
        expected = stats.t.ppf(probability, degrees)
        assert student_t_quantile(probability, degrees) == pytest.approx(expected, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("degrees", [1, 2, 5, 11, 1000])
def test_student_distribution_is_that_of_scipy(degrees: float) -> None:
    from scipy import stats

    for t in (-inf, -1e6, -40.0, -2.5, -1.0, -0.01, 0.0, 0.3, 1.0, 2.0, 12.7, 1e6, inf):
        assert student_t_cdf(t, degrees) == pytest.approx(stats.t.cdf(t, degrees), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    ("degrees", "quantile"), [(1, 12.706), (2, 4.303), (4, 2.776), (5, 2.571), (11, 2.201), (30, 2.042)]
)
def test_quantiles_of_the_printed_tables(degrees: int, quantile: float) -> None:
    assert round(student_t_quantile(0.975, degrees), 3) == quantile


@PROPERTY
@given(st.floats(0.05, 40.0), st.floats(0.05, 40.0), st.floats(0.0, 1.0))
def test_incomplete_beta_is_that_of_scipy(a: float, b: float, x: float) -> None:
    from scipy import special

    assert incomplete_beta(a, b, x) == pytest.approx(special.betainc(a, b, x), rel=1e-10, abs=1e-12)


def test_incomplete_beta_at_its_ends() -> None:
    assert incomplete_beta(2.0, 3.0, 0.0) == 0.0
    assert incomplete_beta(2.0, 3.0, 1.0) == 1.0
    assert incomplete_beta(1.0, 1.0, 0.25) == pytest.approx(0.25, rel=1e-12)


def test_quantiles_are_symmetric_about_zero() -> None:
    assert student_t_quantile(0.5, 5) == pytest.approx(0.0, abs=1e-12)
    assert student_t_quantile(0.025, 5) == -student_t_quantile(0.975, 5)


@pytest.mark.parametrize("probability", [0.0, 1.0, -0.1])
def test_a_quantile_needs_a_probability_between_0_and_1(probability: float) -> None:
    with pytest.raises(AssertionError):
        student_t_quantile(probability, 5)


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
