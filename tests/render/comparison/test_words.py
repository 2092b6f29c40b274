"""Numbers of a comparison in words that leave room for the verdict."""

import pytest

from pipebench.records.comparison import Difference
from pipebench.render.comparison.words import change_text, difference_parts


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (None, "-"),
        (0.016, "+1.6 %"),
        (-0.25, "-25.0 %"),
        (0.0, "0.0 %"),
        (-0.0001, "0.0 %"),
        (12.345, "+1,234.5 %"),
        (7.8e15, "+8e+17 %"),
        (-0.99999, "-100.0 %"),
    ],
)
def test_a_change_is_signed_and_short(change: float | None, text: str) -> None:
    assert change_text(change) == text


@pytest.mark.parametrize("field", ["most_alive", "most_waiting"])
def test_a_schedule_without_a_bound_has_none(field: str) -> None:
    parts = difference_parts(Difference(f"config.{field}", None, "20"))
    assert "".join(parts) == f"config.{field}: none -> 20"
