import pytest

from pipebench.config.limits import at_least
from pipebench.errors import UsageError


def test_a_size_in_its_range_is_taken_and_the_ends_belong_to_it() -> None:
    assert [at_least("--batch", value, 1, 8) for value in (1, 5, 8)] == [1, 5, 8]
    assert at_least("--batch", 2**31 - 1, 1) == 2**31 - 1


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0, "--batch must be at least 1, got 0"),
        (-3, "--batch must be at least 1, got -3"),
        (2**31, "--batch must be at most 2147483647, got 2147483648"),
    ],
)
def test_a_size_beyond_its_range_is_refused_by_its_option(value: int, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        at_least("--batch", value, 1)
    assert str(caught.value) == message
