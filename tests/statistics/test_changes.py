from math import exp
from random import Random

import pytest

from pipebench.statistics import change_points, runs_needed


def series(random: Random, *levels: tuple[int, float], log_sd: float = 0.01) -> list[float]:
    return [level * exp(random.gauss(0, log_sd)) for number, level in levels for _ in range(number)]


def test_a_change_is_found_where_it_is_with_both_levels() -> None:
    (found,) = change_points(series(Random(1), (12, 100.0), (10, 90.0)))
    assert found.position == 12
    assert found.before == pytest.approx(100, rel=0.01)
    assert found.after == pytest.approx(90, rel=0.01)
    assert found.p_value < 0.001


def test_several_changes_are_found_in_order() -> None:
    found = change_points(series(Random(2), (15, 100.0), (15, 80.0), (15, 100.0)))
    assert [change.position for change in found] == [15, 30]
    assert found[0].after == found[1].before


@pytest.mark.parametrize("number", [8, 20, 60, 200])
def test_a_series_without_a_change_rarely_has_one(number: int) -> None:
    random = Random(number)
    found = sum(
        bool(change_points(series(random, (number, 1.0), log_sd=0.05), threshold=0.0)) for _ in range(200)
    )
    assert found <= 0.05 * 200


def test_an_outlier_and_a_change_within_the_threshold_are_none() -> None:
    steady = series(Random(3), (30, 100.0))
    assert change_points([*steady[:15], 300.0, *steady[15:]]) == []
    assert change_points(series(Random(4), (20, 100.0), (20, 98.0), log_sd=0.001)) == []
    assert len(change_points(series(Random(4), (20, 100.0), (20, 98.0), log_sd=0.001), threshold=0.01)) == 1


@pytest.mark.parametrize("number", [0, 1, 7])
def test_few_values_have_no_change(number: int) -> None:
    assert change_points([1.0, 100.0] * number if number < 4 else [1.0] * 3 + [9.0] * 4) == []


def test_equal_values_have_no_change() -> None:
    assert change_points([5.0] * 100) == []


def test_thousands_of_values_take_no_time() -> None:
    found = change_points(series(Random(5), (2000, 1.0), (2000, 0.9)))
    assert [change.position for change in found] == [pytest.approx(2000, abs=2)]


@pytest.mark.parametrize("after", [5, 6, 8, 10, 20])
def test_a_change_near_the_end_is_placed_where_it_is(after: int) -> None:
    """Ranks alone would draw it to the middle of the series."""
    for seed in range(20):
        values = series(Random(seed), (30, 100.0), (after, 91.0), log_sd=0.003)
        assert [change.position for change in change_points(values)] == [30]


def test_the_last_of_two_changes_is_placed_where_it_is() -> None:
    for seed in range(20):
        values = series(Random(seed), (15, 100.0), (15, 91.0), (8, 83.0), log_sd=0.003)
        assert [change.position for change in change_points(values)] == [15, 30]


def test_an_outlier_beside_a_change_does_not_move_it() -> None:
    values = series(Random(7), (20, 100.0), (10, 90.0), log_sd=0.003)
    values[16] = 250.0
    assert [change.position for change in change_points(values)] == [20]


@pytest.mark.parametrize("before", [6, 10, 20, 30, 100])
def test_so_many_runs_at_a_new_level_show_it_and_one_fewer_does_not(before: int) -> None:
    needed = runs_needed(before)
    if needed is None:
        assert before == 6
        assert change_points([*range(100, 100 + before), *range(900, 900 + before)]) == []
        return
    steady = series(Random(before), (before, 100.0), log_sd=0.001)
    assert len(change_points([*steady, *[50.0] * needed])) == 1
    if needed > 4:
        assert change_points([*steady, *[50.0] * (needed - 1)]) == []
