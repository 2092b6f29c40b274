from itertools import combinations
from math import comb
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.statistics import mann_whitney
from pipebench.statistics.ranks import EXACT_UP_TO
from tests.builders import PROPERTY

few_values = st.lists(st.integers(0, 4).map(float), min_size=1, max_size=5)


@pytest.mark.parametrize(("first", "second"), [(3, 3), (4, 4), (4, 6), (6, 6), (12, 12), (3, 20)])
def test_p_values_without_ties_are_the_exact_ones_of_scipy(first: int, second: int) -> None:
    from scipy import stats

    random = Random(first * 100 + second)
    for shift in (0.0, 0.5, 1.0, 3.0):
        one = [random.gauss(0, 1) for _ in range(first)]
        other = [random.gauss(shift, 1) for _ in range(second)]
        expected = stats.mannwhitneyu(one, other, method="exact").pvalue
        assert mann_whitney(one, other) == pytest.approx(expected, rel=1e-12)


@PROPERTY
@given(few_values, few_values)
def test_p_values_with_ties_count_all_ways_to_deal_the_launches_out(
    first: list[float], second: list[float]
) -> None:
    from scipy import stats

    pooled = stats.rankdata([*first, *second])
    sums = [sum(pooled[list(dealt)]) for dealt in combinations(range(len(pooled)), len(first))]
    observed = sum(pooled[: len(first)])
    below = np.mean([value <= observed for value in sums])
    above = np.mean([value >= observed for value in sums])
    assert mann_whitney(first, second) == pytest.approx(min(1.0, 2 * min(below, above)), rel=1e-12)


def test_four_a_side_can_tell_and_three_cannot() -> None:
    assert mann_whitney([1, 2, 3, 4], [5, 6, 7, 8]) == pytest.approx(2 / 70)
    assert mann_whitney([1, 2, 3], [4, 5, 6]) == pytest.approx(2 / 20)


def test_groups_that_are_all_ties_do_not_differ() -> None:
    assert mann_whitney([1.0] * 6, [1.0] * 6) == 1.0
    assert mann_whitney([1.0] * 40, [1.0] * 40) == 1.0


@pytest.mark.parametrize("digits", [1, 6])
def test_large_groups_have_scipy_s_normal_approximation(digits: int) -> None:
    from scipy import stats

    random = Random(5)
    one = [round(random.gauss(0, 1), digits) for _ in range(60)]
    other = [round(random.gauss(0.3, 1), digits) for _ in range(40)]
    assert EXACT_UP_TO < 100 * 40
    expected = stats.mannwhitneyu(one, other, method="asymptotic").pvalue
    assert mann_whitney(one, other) == pytest.approx(expected, rel=1e-10)


def test_the_exact_and_the_normal_p_value_meet_where_one_takes_over() -> None:
    random = Random(9)
    one = [random.gauss(0, 1) for _ in range(30)]
    other = [random.gauss(0.5, 1) for _ in range(30)]
    assert EXACT_UP_TO == 60 * 30
    assert mann_whitney(one, other) == pytest.approx(mann_whitney([*one, -0.01], [*other, 0.51]), abs=0.02)


def test_a_small_group_against_a_large_one_is_exact_whichever_comes_first() -> None:
    few, many = [1.0, 2.0, 3.0, 4.0], [10.0 + n for n in range(100)]
    assert mann_whitney(few, many) == mann_whitney(many, few) == pytest.approx(2 / comb(104, 4))


def test_equal_groups_are_told_apart_in_5_percent_of_cases_at_most() -> None:
    random = Random(13)
    found = sum(
        mann_whitney([random.random() for _ in range(6)], [random.random() for _ in range(6)]) <= 0.05
        for _ in range(3000)
    )
    assert 0.03 < found / 3000 <= 0.05  # the exact level of 6 and 6 is 0.041
