import pytest

from pipebench.ab.looks import level_of_each, planned
from pipebench.errors import UsageError


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (4, (4,)),
        (6, (4, 6)),
        (10, (4, 6, 8, 10)),
        (24, (4, 6, 8, 12, 16, 24)),
        (200, (4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 200)),
    ],
)
def test_looks_end_with_the_most_launches(most: int, expected: tuple[int, ...]) -> None:
    assert planned(most) == expected


@pytest.mark.parametrize("most", [0, 2, 3, 5, 25])
def test_too_few_or_an_odd_number_is_refused(most: int) -> None:
    with pytest.raises(UsageError, match="expected an even number of at least 4"):
        planned(most)


@pytest.mark.parametrize("most", [4, 6, 24, 96])
def test_all_looks_together_err_in_5_percent(most: int) -> None:
    looks = planned(most)
    assert len(looks) * level_of_each(looks) == pytest.approx(0.05)
