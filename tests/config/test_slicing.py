import pytest

from pipebench.config.run_config import RunOptions
from pipebench.config.slicing import slices
from pipebench.errors import UsageError
from tests.config.asked import resolved


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [("naive", (1, 1)), ("gpipe", (16, 1)), ("1f1b", (16, 1)), ("wavefront", (4, 8))],
)
def test_each_schedule_has_its_default_slices(schedule: str, expected: tuple[int, int]) -> None:
    config = resolved(schedule=schedule)
    assert (config.microbatches, config.chunks) == expected


@pytest.mark.parametrize(
    ("batch", "sequence_length", "expected"),
    [(128, 32, (4, 8)), (6, 12, (3, 6)), (7, 9, (1, 3)), (2, 4, (2, 4)), (4, 7, (4, 7)), (5, 11, (1, 1))],
)
def test_a_default_that_does_not_divide_becomes_the_largest_divisor_below(
    batch: int, sequence_length: int, expected: tuple[int, int]
) -> None:
    config = resolved(schedule="wavefront", batch=batch, sequence_length=sequence_length)
    assert (config.microbatches, config.chunks) == expected


def test_given_slices_are_taken_as_they_are() -> None:
    config = resolved(schedule="wavefront", microbatches=1, chunks=32)
    assert (config.microbatches, config.chunks) == (1, 32)
    assert (resolved(microbatches=128).microbatches, resolved(chunks=2).chunks) == (128, 2)


def test_a_schedule_that_cuts_along_time_needs_a_time_dimension() -> None:
    with pytest.raises(UsageError, match=r"--schedule wavefront cuts along time: expected a model"):
        slices(RunOptions(schedule="wavefront"), 8, None)
    with pytest.raises(UsageError, match=r"--chunks 2 cuts along time"):
        slices(RunOptions(chunks=2), 8, None)
    assert slices(RunOptions(schedule="gpipe"), 8, None) == (8, 1)
