import random

import torch
from torch import nn

from tests.models.own.samples import CLASSES, WIDTH, Tied, assert_said, between, of_numbers, probed, refused


def test_shared_parameters() -> None:
    twice = nn.Linear(WIDTH, WIDTH)
    text = refused(of_numbers(nn.Sequential(twice), nn.ReLU(), nn.ReLU(), nn.Sequential(nn.ReLU(), twice)))
    assert text.startswith("layers 0 and 3 share a parameter (0.0.weight): on one device it would be one")
    one, other = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
    other.weight = nn.Parameter(one.weight.data[:])
    assert_said(refused(of_numbers(one, other)), "layers 0 and 1 share a parameter (0.weight)")


def test_shared_parameters_without_values() -> None:
    with torch.device("meta"):
        one, other = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
    assert_said(refused(of_numbers(one, other)), "layer 0 (Linear)", "meta device")
    other.weight = one.weight
    assert_said(refused(of_numbers(nn.ReLU(), one, other)), "layers 1 and 2 share a parameter")


def test_parameters_that_functions_share() -> None:
    weight = nn.Parameter(torch.randn(WIDTH, WIDTH))
    assert_said(
        refused(of_numbers(nn.ReLU(), lambda: Tied(weight))), "layer 1 (Tied)", "same module or parameters"
    )
    assert_said(refused(of_numbers(lambda: Tied(weight.data))), "layer 0 (Tied)", "same module or parameters")
    assert_said(refused(of_numbers(Tied(weight), nn.ReLU(), lambda: Tied(weight))), "layers 0 and 2 share")
    given = nn.ReLU()
    assert_said(refused(of_numbers(lambda: given)), "same module")


def test_parameters_beside_each_other_in_one_storage_are_not_shared() -> None:
    flat = torch.randn(3, WIDTH, WIDTH)
    probed(of_numbers(Tied(flat[0]), Tied(flat[1]), nn.Linear(WIDTH, CLASSES)))
    both = nn.Parameter(flat.flatten()[20:56].view(WIDTH, WIDTH))
    assert_said(
        refused(of_numbers(Tied(flat[2]), Tied(flat[0]), Tied(both))), "layers 1 and 2 share a parameter"
    )


def test_many_functions_share_nothing() -> None:
    """What was dropped leaves its address to the next one."""
    probed(of_numbers(*[lambda: nn.Linear(WIDTH, WIDTH)] * 30))


def test_a_function_that_makes_other_parameters() -> None:
    text = refused(between(lambda: Tied(torch.full((WIDTH, WIDTH), random.random()))))
    assert_said(
        text, "the function of layer 1 (Tied) makes other parameters each time", "with the same torch seed"
    )
    counter = iter(range(3, 100))
    assert_said(refused(between(lambda: nn.Linear(WIDTH, next(counter)))), "makes other parameters each time")
