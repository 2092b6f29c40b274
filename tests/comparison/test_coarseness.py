"""Values that are printed coarsely: what rounding alone may have made is told."""

from pathlib import Path
from random import Random

import pytest

from pipebench.comparison.coarseness import Grain, grain_of, is_beyond, resolution
from pipebench.comparison.gates import check
from pipebench.records.comparison import ComparisonRecord
from pipebench.records.selection import Source
from tests.comparison.test_compare_commands import compared
from tests.guard.launches import launched, record


@pytest.mark.parametrize(
    ("values", "grain"),
    [
        ([0.1, 0.11, 0.1, 0.1], Grain(0.01, pytest.approx(0.01))),
        ([0.1, 0.1], Grain(0.1)),
        ([105.0, 107.0], Grain(1.0)),
        ([105.0, 107.0, 105.0, 107.0], Grain(1.0, 2.0)),
        ([0.125, 0.25, 0.125, 0.25], Grain(0.001, 0.125)),
        ([3e9], Grain(1.0)),
        ([1.5e-7], Grain(1e-8)),
    ],
)
def test_the_grain_of_values(values: list[float], grain: Grain) -> None:
    found = grain_of(values)
    assert found.digit == pytest.approx(grain.digit, rel=1e-3, abs=1e-6 * max(values))
    assert found.step == grain.step


def test_values_of_many_digits_are_fine() -> None:
    random = Random(1)
    assert grain_of([random.gauss(0.1, 0.001) for _ in range(100)]).digit < 1e-6


def test_the_finer_side_tells_and_a_coarse_clock_more_than_its_digits() -> None:
    assert resolution(Grain(0.1), Grain(0.01)) == 0.01
    assert resolution(Grain(1e-6, 0.015625), Grain(1e-6)) == 0.015625
    assert (is_beyond(0.11 - 0.1, 0.01), is_beyond(0.12 - 0.1, 0.01), is_beyond(0.0, 0.0)) == (
        False,
        True,
        False,
    )


def codes(found: ComparisonRecord) -> set[str]:
    return {warning.code for warning in found.warnings}


def printed(one: float, other: float, digits: int, threshold: float = 0.03) -> ComparisonRecord:
    """Two sides whose true values are these, of which so many digits are printed."""
    random = Random(1)
    sides = [
        record([round(random.gauss(value, 1e-5), digits) for _ in range(6)], id=str(value))
        for value in (one, other)
    ]
    return compared(*sides, gates={"step_s": threshold})


@pytest.mark.parametrize(
    ("one", "other", "digits", "verdict", "told"),
    [
        (0.1045, 0.1055, 2, "regression", True),
        (0.1055, 0.1045, 2, "improvement", True),
        (0.1045, 0.1045, 2, "same", True),  # 0.1045 and 0.0955 would be too
        (0.1045, 0.1055, 5, "same", False),
        (0.1, 0.13, 2, "regression", False),
        (0.13, 0.1, 2, "improvement", False),
        (0.105, 0.105, 3, "same", False),
        (0.105, 0.112, 3, "regression", False),
    ],
)
def test_a_change_that_rounding_may_have_made_is_told(
    one: float, other: float, digits: int, verdict: str, *, told: bool
) -> None:
    found = printed(one, other, digits)
    assert found.metrics["step_s"].verdict == verdict
    assert ("coarse-values" in codes(found)) == told


def test_a_coarse_clock_is_seen_behind_many_digits() -> None:
    tick = 1 / 64
    one = record([], id="a", launches=[launched(7 * tick)] * 3 + [launched(8 * tick)])
    other = record([], id="b", launches=[launched(7 * tick)] + [launched(8 * tick)] * 3)
    many = [record([], id=each.id, launches=each.launches * 5) for each in (one, other)]
    found = compared(*many)
    assert found.metrics["step_s"].verdict == "regression"
    assert "coarse-values" in codes(found)


def test_counts_are_as_fine_as_they_are() -> None:
    sides = [record([value] * 4, "peak_bytes", id=str(value)) for value in (1_000_000.0, 1_100_000.0)]
    found = compared(*sides)
    assert (found.overall.verdict, codes(found) & {"coarse-values"}) == ("regression", set())


def test_constant_sides_have_verdicts() -> None:
    """What a command prints that computes its value: equal is the same, a tenth more a regression."""
    sides = {value: Source(record([value] * 4, id=str(value)), Path()) for value in (1.0, 1.1)}
    again = Source(record([1.0] * 4, id="again"), Path())
    codes_of = [check(each, sides[1.0]).gate for each in (again, sides[1.1])]
    assert [gate and gate.exit_code for gate in codes_of] == [0, 3]
