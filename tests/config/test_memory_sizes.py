import pytest

from pipebench.config.memory_sizes import bytes_of
from pipebench.errors import UsageError


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("24GiB", 24 * 2**30),
        ("24gib", 24 * 2**30),
        (" 1.5 MiB ", 3 * 2**19),
        ("16GB", 16 * 10**9),
        ("900KB", 900_000),
        ("2KiB", 2048),
        ("1TiB", 2**40),
        ("77B", 77),
    ],
)
def test_a_size_is_a_number_and_a_unit(text: str, size: int) -> None:
    assert bytes_of(text, "--memory") == size


@pytest.mark.parametrize(
    "text",
    [
        *("", "24", "GiB", "-1GiB", "0GiB", "0.4B", "1e3GiB", "4 apples", "2EiB", "99999999TiB", "٣GiB"),
        pytest.param(f"{'1' * 400}GiB", id="hundreds of digits"),
    ],
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r"--memory .*: expected a size such as 24GiB"):
        bytes_of(text, "--memory")
