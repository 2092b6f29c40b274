import pytest

from pipebench.errors import UsageError
from pipebench.timing.costs import StageFactor
from pipebench.timing.stage_factors import factor_text, stage_factors


def test_an_entry_has_one_factor_or_one_of_each() -> None:
    assert stage_factors("1, 1.5,2:3,0:.5,1e2", "--stage-costs") == (
        StageFactor(1, 1),
        StageFactor(1.5, 1.5),
        StageFactor(2, 3),
        StageFactor(0, 0.5),
        StageFactor(100, 100),
    )


@pytest.mark.parametrize("text", ["1", "1.5", "2:3", "0:0.5", "100"])
def test_an_entry_is_written_as_it_is_read(text: str) -> None:
    assert factor_text(stage_factors(text, "--stage-costs")[0]) == text


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("", ""),
        ("1,,1", ""),
        ("1,2,", ""),
        ("1,x", "x"),
        ("1:2:3", "1:2:3"),
        ("1:", "1:"),
        ("1,-1", "-1"),
        ("nan", "nan"),
        ("1,inf", "inf"),
        ("1,2e9", "2e9"),
        ("1_0", "1_0"),
        ("\u0663", "\u0663"),
    ],
)
def test_what_is_no_factor_is_refused_by_name(text: str, entry: str) -> None:
    with pytest.raises(UsageError) as caught:
        stage_factors(text, "--stage-costs")
    assert str(caught.value) == (
        f"--stage-costs {text!r}: expected a factor from 0 to 1e+09 for each stage, or one of its forward and one of "
        f"its backward, such as 1,1,1.5,2:3, got {entry!r}"
    )


def test_more_entries_than_there_can_be_stages_are_refused() -> None:
    with pytest.raises(UsageError, match="expected at most 10,000 stages, got 10001"):
        stage_factors(",".join(["1"] * 10_001), "--stage-costs")
