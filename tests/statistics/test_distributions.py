from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.statistics import incomplete_beta, student_t_cdf, student_t_quantile
from pipebench.statistics.distributions import student_t_density
from tests.builders import PROPERTY


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


@PROPERTY
@given(st.floats(0.0005, 0.9995), st.floats(1.0, 60.0))
def test_quantiles_with_fractional_degrees_are_those_of_scipy(probability: float, degrees: float) -> None:
    from scipy import stats

    expected = stats.t.ppf(probability, degrees)
    assert student_t_quantile(probability, degrees) == pytest.approx(expected, rel=1e-9, abs=1e-11)


@PROPERTY
@given(st.floats(-30.0, 30.0), st.floats(1.0, 60.0))
def test_the_density_is_that_of_scipy(t: float, degrees: float) -> None:
    from scipy import stats

    assert student_t_density(t, degrees) == pytest.approx(stats.t.pdf(t, degrees), rel=1e-10)
