import pytest

from pipebench.plan.check import activations_alive
from pipebench.plan.checkpoints import CHECKPOINTS, Kept, is_checkpointed, peak_saved
from tests.builders import GRID, plan_of, program


def peak(text: str, checkpoint: str, microbatches: int) -> int:
    return peak_saved(program(text), [Kept(100, 1)], checkpoint=checkpoint, microbatches=microbatches)


def test_which_microbatches_are_checkpointed() -> None:
    found = {rule: [is_checkpointed(rule, m, 3) for m in range(3)] for rule in CHECKPOINTS}
    assert found == {"none": [False] * 3, "always": [True] * 3, "except-last": [True, True, False]}


@pytest.mark.parametrize(
    ("text", "checkpoint", "expected"),
    [
        ("0F0 0F1 0B1 0B0", "none", 200),
        ("0F0 0F1 0B1 0B0", "always", 101),  # an input, and the slice that runs again
        ("0F0 0F1 0B1 0B0", "except-last", 101),
        ("0F0 0F1 0B0 0B1", "always", 101),
        ("0F0 0F1 0B0 0B1", "except-last", 200),  # the last is whole while the first runs again
        ("0F0 0F1 0I1 0I0 0W1 0W0", "always", 200),  # both have run again before either is freed
    ],
)
def test_the_peak_by_hand(text: str, checkpoint: str, expected: int) -> None:
    assert peak(text, checkpoint, 2) == expected


@pytest.mark.parametrize("schedule", ["gpipe", "1f1b"])
@pytest.mark.parametrize(("stages", "microbatches", "chunks"), GRID[::7])
def test_without_checkpoints_it_is_the_activations_alive(
    schedule: str, stages: int, microbatches: int, chunks: int
) -> None:
    for actions in plan_of(schedule, stages, microbatches, chunks).programs:
        sizes = {"checkpoint": "none", "microbatches": microbatches}
        found = peak_saved(actions, [Kept(3, 1)] * stages, **sizes)  # type: ignore[arg-type]
        assert found == 3 * activations_alive(actions)


@pytest.mark.parametrize("checkpoint", ["always", "except-last"])
@pytest.mark.parametrize(("stages", "microbatches", "chunks"), GRID[::7])
def test_gpipe_holds_all_inputs_and_what_is_whole(
    stages: int, microbatches: int, chunks: int, checkpoint: str
) -> None:
    slices, whole = microbatches * chunks, 1 if checkpoint == "always" else chunks
    for actions in plan_of("gpipe", stages, microbatches, chunks).programs:
        kept = [Kept(100, 1)] * stages
        found = peak_saved(actions, kept, checkpoint=checkpoint, microbatches=microbatches)
        assert found == whole * 100 + slices - whole
