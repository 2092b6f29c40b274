import re

import pytest

from pipebench.errors import UsageError
from pipebench.models.layout import Sharing
from pipebench.sharing import sharing_of


@pytest.mark.parametrize(("given", "sharing"), [(None, None), ("all", "all"), ("1", 1), ("7", 7), ("003", 3)])
def test_nothing_a_number_or_all(given: str | None, sharing: Sharing) -> None:
    assert sharing_of(given, 8, "--gpus") == sharing


@pytest.mark.parametrize(
    "given",
    [
        "0",
        "000",
        "-1",
        "2.0",
        "1e3",
        "ALL",
        "al",
        "all ",
        "",
        " 2",
        "2\n",
        "+2",
        "1_0",
        "0x2",
        "٣",
        "9999999999",
        "none",
    ],
)
def test_what_is_neither_is_refused(given: str) -> None:
    with pytest.raises(
        UsageError, match=f"^--softmax-devices {re.escape(repr(given))}: expected a number of devices"
    ):
        sharing_of(given, 10**12, "--gpus")


@pytest.mark.parametrize(("given", "devices"), [("1", 1), ("8", 8), ("999999999", 8)])
def test_one_device_at_least_is_left_for_the_layers(given: str, devices: int) -> None:
    with pytest.raises(
        UsageError, match=f"less than --stages {devices}, .* use --stages {int(given) + 1} or more"
    ):
        sharing_of(given, devices, "--stages")
