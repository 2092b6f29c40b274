import torch
from torch import nn

from tests.models.own.samples import CLASSES, WIDTH, assert_said, numbers, of_numbers, probed, refused


def test_a_batch_that_does_not_use_its_generator() -> None:
    other = lambda n, g: (torch.randn(n, WIDTH), numbers(n, g)[1])  # noqa: E731
    text = refused(of_numbers(nn.Linear(WIDTH, CLASSES), batch=other))
    assert_said(
        text, "batch gives other values for the same seed", "draw from the generator that it is given"
    )
    numbered = iter(range(100))
    counted = lambda n, g: (numbers(n, g)[0] + next(numbered), numbers(n, g)[1])  # noqa: E731
    assert_said(
        refused(of_numbers(nn.Linear(WIDTH, CLASSES), batch=counted)), "other values for the same seed"
    )


def test_probes_leave_the_users_modules_alone() -> None:
    layer = nn.Linear(WIDTH, CLASSES).eval()
    before = layer.weight.clone()
    probed(of_numbers(layer), dtype="float64")
    assert layer.weight.dtype == torch.float32
    assert torch.equal(layer.weight, before)
    assert not layer.training


def test_layers_are_made_and_dropped_one_at_a_time() -> None:
    alive, most = [0], [0]

    class Counted(nn.Linear):
        def __init__(self) -> None:
            super().__init__(WIDTH, WIDTH)
            alive[0] += 1
            most[0] = max(most[0], alive[0])

        def __del__(self) -> None:
            alive[0] -= 1

    probed(of_numbers(*[Counted] * 10))
    assert most[0] <= 3
