import pytest

from pipebench.measuring.blocks import in_turn


@pytest.mark.parametrize(
    ("steps", "pipelines", "order"),
    [
        (1, 1, "AB"),
        (2, 1, "ABBA"),
        (3, 1, "ABBAAB"),
        (1, 2, "ABC"),
        (2, 2, "ABCCBA"),
        (2, 3, "ABCDDCBA"),
    ],
)
def test_blocks_run_in_turn_and_then_backwards(steps: int, pipelines: int, order: str) -> None:
    letters = {None: "A", **dict(enumerate("BCD"))}
    assert "".join(letters[which] for which in in_turn(steps, pipelines)) == order
