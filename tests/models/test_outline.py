import pytest

from pipebench.models.outline import BATCHES, Source, batch_of

COUNTS = (3.0, 5.0, 7.0, 11.0)


def source(items: tuple[float, ...]) -> Source:
    return Source(kind="synthetic", sha256="0" * 64, items=items, unit="words", count_rule="")


def test_batches_come_in_turn_whether_a_step_warms_up_or_is_timed() -> None:
    assert [batch_of(step) for step in range(-2, 6)] == [2, 3, 0, 1, 2, 3, 0, 1]
    assert {batch_of(step) for step in range(BATCHES)} == set(range(BATCHES))


@pytest.mark.parametrize(("steps", "mean"), [(1, 3.0), (2, 4.0), (4, 6.5), (6, 34 / 6), (8, 6.5)])
def test_a_step_has_the_mean_of_the_batches_that_so_many_steps_take(steps: int, mean: float) -> None:
    assert source(COUNTS).items_per_step(steps) == pytest.approx(mean, rel=1e-15)


def test_batches_that_are_all_alike_need_one_count() -> None:
    assert source((512.0,)).items_per_step(7) == 512
