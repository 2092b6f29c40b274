import pytest

from pipebench.errors import CorruptRecordError
from pipebench.foreign.torch_profiler.labels import Window
from pipebench.foreign.torch_profiler.steps import Rank, Steps, steps_of
from tests.foreign.torch_profiler.written import labels, text

STEP = "F0 F1 B0 B1"  # takes 40


def rank(words: str, *windows: tuple[int, float, float], origin: float | None = 0.0) -> Rank:
    return Rank(labels(words), [Window(*window) for window in windows], origin)


def told(steps: Steps) -> list[dict[int, str]]:
    """The labels of each step of each rank."""
    return [
        {step: text([label for at, label in found if at == step]) for step in sorted({at for at, _ in found})}
        for found in steps.ranks
    ]


def test_the_profiler_says_the_steps() -> None:
    one = rank(f"{STEP} {STEP}", (5, 0, 39), (6, 39, 90))
    steps = steps_of([one, one])
    assert told(steps) == [{5: STEP, 6: STEP}] * 2
    assert not steps.notices


def test_labels_outside_of_all_steps_are_left_out() -> None:
    steps = steps_of([rank(f"{STEP} {STEP} F0 F1", (6, 40, 79))])
    assert told(steps) == [{6: STEP}]
    assert steps.notices == ["6 labels are left out: they belong to no whole step of the recording"]


def test_steps_that_a_rank_has_not_whole_are_left_out() -> None:
    whole = rank(f"{STEP} {STEP} {STEP}", (1, 0, 40), (2, 40, 80), (3, 80, 120))
    late = rank(f"B0 B1 {STEP} {STEP}", (1, 0, 20), (2, 20, 60), (3, 60, 100))
    steps = steps_of([whole, late])
    assert told(steps) == [{2: STEP, 3: STEP}] * 2
    assert steps.notices == ["step 1 is left out: not all ranks have all of it"]


def test_an_evaluation_between_steps_is_no_step() -> None:
    one = rank(f"{STEP} F0 F1 {STEP}", (1, 0, 40), (2, 40, 60), (3, 60, 100))
    steps = steps_of([one])
    assert told(steps) == [{1: STEP, 3: STEP}]


def test_a_profiler_step_may_hold_several() -> None:
    one = rank(f"{STEP} {STEP} {STEP}", (1, 0, 80), (2, 80, 119))
    steps = steps_of([one])
    assert told(steps) == [{0: STEP, 1: STEP, 2: STEP}]
    assert "some ProfilerSteps hold the schedule more than once" in steps.notices[0]


def test_unshards_may_come_again_within_a_step() -> None:
    words = "0UNSHARD 0F0 0RESHARD 0UNSHARD 0B0 0RESHARD OPTIMIZER OPTIMIZER"
    steps = steps_of([rank(words, (1, 0, 100))])
    assert told(steps) == [{1: words}]


def test_without_profiler_steps_the_passes_count() -> None:
    whole = rank(f"{STEP} {STEP}")
    late = rank(f"B0 B1 {STEP}", origin=20.0)
    steps = steps_of([whole, late])
    assert told(steps) == [{1: STEP}, {1: STEP}]
    assert [notice.split(":")[0] for notice in steps.notices] == [
        "not all files tell their steps (ProfilerStep)",
        "2 labels are left out",
        "step 0 is left out",
    ]


@pytest.mark.parametrize("other", [rank("B0 B1 F0 F1"), rank(STEP, origin=1e6)])
def test_there_must_be_a_step_that_all_ranks_have(other: Rank) -> None:
    with pytest.raises(CorruptRecordError, match="from beginning to end, got none"):
        steps_of([rank(STEP), other])
