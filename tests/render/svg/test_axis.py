import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.render.svg.axis import doublings, ticks, unit_of


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (329, [0, 50, 100, 150, 200, 250, 300]),
        (10, [0, 2, 4, 6, 8, 10]),
        (0.7, [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]),
        (0, [0]),
    ],
)
def test_ticks_are_round(end: float, expected: list[float]) -> None:
    assert ticks(end, 8) == pytest.approx(expected)


@given(st.floats(1e-9, 1e15))
def test_ticks_are_few_and_within(end: float) -> None:
    found = ticks(end, 8)
    assert 2 <= len(found) <= 9
    assert found[0] == 0
    assert found[-1] <= end * (1 + 1e-6)


@pytest.mark.parametrize(
    ("end_s", "expected"),
    [(0.329, (1e-3, "ms")), (2.0, (1.0, "s")), (5e-5, (1e-6, "us")), (1e-9, (1.0, "s")), (0.0, (1.0, "s"))],
)
def test_the_unit_is_the_one_that_reads_best(end_s: float, expected: tuple[float, str]) -> None:
    assert unit_of(end_s) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1, 8, [1, 2, 4, 8]),
        (0.5, 3.4, [0.5, 1, 2]),
        (1, 1024, [1, 4, 16, 64, 256, 1024]),
        (2.0**-20, 2.0**20, [2.0**exponent for exponent in range(-14, 15, 7)]),
    ],
)
def test_a_logarithmic_axis_has_powers_of_two(low: float, high: float, expected: list[float]) -> None:
    assert doublings(low, high) == expected
