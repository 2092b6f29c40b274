"""How far a speed-up agrees with a claim."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench.reproduction.verdicts import Agreement, agreement, off_by
from pipebench.run import accuracy
from tests.builders import PROPERTY

STUDY = accuracy.packaged()
positive = st.floats(0.1, 20.0)


@dataclass(frozen=True)
class Case:
    value: float
    low: float | None
    high: float | None
    claimed: float = 3.5


@pytest.mark.parametrize(
    ("case", "verdict"),
    [
        (Case(3.5, 3.4, 3.6), Agreement("reproduced")),
        (Case(3.5, 3.5, 3.5), Agreement("reproduced")),
        (Case(3.4, 3.3, 3.5), Agreement("reproduced")),
        (Case(3.6, 3.51, 3.7), Agreement("exceeded")),
        (Case(3.3, 3.2, 3.49), Agreement("not reproduced")),
        (Case(3.3, None, None), Agreement("unclear")),
        (Case(3.5, 1.0, 9.0), Agreement("reproduced")),  # wide, and the claim lies in it
    ],
)
def test_real_gpus_at_full_size_reproduce_the_claim_or_not(case: Case, verdict: Agreement) -> None:
    found = agreement(case.value, case.low, case.high, case.claimed, reproduces=True)
    assert found == verdict


@pytest.mark.parametrize(
    ("case", "verdict"),
    [
        (Case(3.5, 3.4, 3.6), Agreement("consistent")),
        (Case(4.1, 4.0, 4.2), Agreement("consistent")),  # 4.0 / 1.19 is below 3.5
        (Case(4.3, 4.2, 4.4), Agreement("inconsistent", "above")),
        (Case(3.5, 3.49, 3.51), Agreement("inconsistent", "below")),  # emulation is 1 % too high at least
        (Case(3.5, 3.48, 3.5, claimed=3.5), Agreement("inconsistent", "below")),  # 3.5 / 1.01
        (Case(3.3, 3.2, 3.4), Agreement("inconsistent", "below")),
        (Case(3.0, 2.5, 3.41), Agreement("unclear")),
        (Case(3.0, 2.56, 3.44), Agreement("inconsistent", "below")),
        (Case(3.5, None, None), Agreement("unclear")),
    ],
)
def test_anything_else_is_consistent_with_it_or_not(case: Case, verdict: Agreement) -> None:
    assert (STUDY.speedup_ratio_low, STUDY.speedup_ratio_high) == pytest.approx((1.01, 1.19), abs=0.005)
    found = agreement(case.value, case.low, case.high, case.claimed, off=off_by(STUDY))
    assert found == verdict


@PROPERTY
@given(
    value=positive, claimed=positive, below=st.floats(0.5, 1.0), above=st.floats(1.0, 2.0), real=st.booleans()
)
def test_only_real_gpus_are_told_to_reproduce(
    value: float, claimed: float, below: float, above: float, *, real: bool
) -> None:
    off = (1.0, 1.0) if real else off_by(STUDY)
    found = agreement(value, value * below, value * above, claimed, reproduces=real, off=off)
    of_real = {"reproduced", "exceeded", "not reproduced"}
    assert (found.verdict in of_real) == real
    assert (found.direction is not None) == (found.verdict == "inconsistent")
    if found.direction == "above":
        assert claimed < value * below
    if found.verdict == "exceeded":
        assert claimed < value * below
