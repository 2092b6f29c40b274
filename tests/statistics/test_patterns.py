from math import exp, inf, log
from random import Random

import pytest

from pipebench.statistics import clusters, trend


def normal(random: Random, number: int, log_sd: float = 0.01) -> list[float]:
    return [exp(random.gauss(0, log_sd)) for _ in range(number)]


def test_a_trend_is_scipy_s_straight_line_through_the_logarithms() -> None:
    from scipy import stats

    values = [1.0, 1.013, 1.018, 1.044, 1.046, 1.07]
    expected = stats.linregress(range(6), [log(value) for value in values])
    found = trend(values)
    assert found is not None
    assert found.rise == pytest.approx(exp(5 * expected.slope) - 1)
    assert found.p_value == pytest.approx(expected.pvalue)


def test_launches_without_a_trend_have_one_at_1_percent_in_1_percent() -> None:
    random = Random(21)
    found = [trend(normal(random, 6)) for _ in range(5000)]
    assert sum(line is not None and line.p_value < 0.01 for line in found) / 5000 == pytest.approx(
        0.01, abs=0.004
    )


def test_a_trend_needs_four_launches_and_a_slope() -> None:
    assert trend([1.0, 1.1, 1.2]) is None
    flat, steep = trend([2.0] * 4), trend([1.0, 2.0, 4.0, 8.0])
    assert flat == (0.0, 1.0)
    assert steep is not None
    assert steep.rise == pytest.approx(7.0)
    assert steep.p_value == pytest.approx(0.0, abs=1e-9)


def test_two_clusters_are_split_where_they_are() -> None:
    found = clusters([1.05, 1.0, 1.001, 1.051, 0.999, 1.049])
    assert found is not None
    assert found.apart == pytest.approx(0.05, abs=1e-3)
    assert found.spreads == pytest.approx(48.4, rel=0.05)


def test_clusters_need_six_launches_and_something_between_them() -> None:
    assert clusters([1.0, 1.0, 2.0, 2.0, 2.0]) is None
    assert clusters([1.0] * 6) == (0.0, 0.0)
    assert clusters([1.0] * 3 + [2.0] * 3) == (pytest.approx(1.0), inf)


@pytest.mark.parametrize(("number", "share"), [(6, 0.03), (8, 0.01), (12, 0.001)])
def test_normal_launches_are_rarely_split_by_8_spreads(number: int, share: float) -> None:
    random = Random(23)
    found = [clusters(normal(random, number)) for _ in range(3000)]
    assert sum(split is not None and split.spreads >= 8 for split in found) / 3000 <= share
