import pytest

from pipebench.measuring.ranked_pair import of_median_speed


@pytest.mark.parametrize(
    ("speeds", "expected"),
    [([5.0], 0), ([3.0, 1.0, 2.0], 2), ([1.0, 4.0, 2.0, 3.0], 2), ([9.0, 1.0, 5.0, 7.0, 3.0], 2)],
)
def test_the_baseline_runs_on_the_device_of_median_speed(speeds: list[float], expected: int) -> None:
    assert of_median_speed(speeds) == expected
