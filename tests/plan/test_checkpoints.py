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


@pytest.mark.parametrize(
    ("checkpoint", "expected"),
    [
        ("none", 3 * 100 + (0 + 1 + 2) * 10),
        ("always", 3 * 1 + (0 + 1 + 2) * 10 + 99),  # the last chunk's forward runs again first
    ],
)
def test_a_chunk_keeps_more_for_each_one_before_it(checkpoint: str, expected: int) -> None:
    """With checkpoints too: the state that it began with."""
    actions = program("0F0.0 0F0.1 0F0.2 0B0.2 0B0.1 0B0.0")
    assert peak_saved(actions, [Kept(100, 1, past=10)], checkpoint=checkpoint, microbatches=1) == expected


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
