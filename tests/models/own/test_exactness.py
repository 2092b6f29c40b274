"""What passes the probes is exact: loss and gradients of slices, added up, are those of the whole."""

import pytest
import torch

from pipebench import Model
from pipebench.models.own.batches import batches, cut
from pipebench.models.own.layers import OwnLayers, stateful
from pipebench.models.own.running import Runner
from tests.models.own.ordinary import IN_TIME, ORDINARY

SIZE = 8


def trained(model: Model, microbatches: int, chunks: int) -> list[torch.Tensor]:
    """The loss and all gradients of one batch, cut into slices."""
    layers = OwnLayers(model, seed=1, dtype="float64")
    runners = [Runner(module, "", stateful(module)) for module in map(layers.make, range(len(layers)))]
    [batch] = batches(model, size=SIZE, seed=1, dtype="float64", count=1)
    inputs, targets = (
        cut(
            value,
            batch_dimension=model.batch_dimension,
            time_dimension=model.time_dimension,
            microbatches=microbatches,
            chunks=chunks,
        )
        for value in batch
    )
    total = torch.zeros((), dtype=torch.float64)
    for row, target_row in zip(inputs, targets, strict=True):
        states = [None] * len(runners)
        for value, target in zip(row, target_row, strict=True):
            for place, runner in enumerate(runners):
                value, states[place] = runner.run(value, states[place])  # noqa: PLW2901
            total = total + model.loss(value, target)
    if total.requires_grad:
        total.backward()
    gradients = [parameter.grad for runner in runners for parameter in runner.module.parameters()]
    return [total.detach(), *(gradient for gradient in gradients if gradient is not None)]


def agree(model: Model, microbatches: int, chunks: int, tolerance: float = 1e-9) -> None:
    whole, slices = trained(model, 1, 1), trained(model, microbatches, chunks)
    assert len(whole) == len(slices) > 0
    for one, other in zip(whole, slices, strict=True):
        assert torch.allclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=True)


@pytest.mark.parametrize("microbatches", [2, 4, 8])
@pytest.mark.parametrize("name", sorted(set(ORDINARY) - {"differentiates inside"}))
@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_an_ordinary_model_is_exact(name: str, microbatches: int) -> None:
    agree(ORDINARY[name](), microbatches, 1, 1e-4 if name == "float32 inside" else 1e-9)


@pytest.mark.parametrize(("microbatches", "chunks"), [(1, 3), (4, 2), (2, 12)])
@pytest.mark.parametrize("name", IN_TIME)
def test_an_ordinary_model_in_time_is_exact(name: str, microbatches: int, chunks: int) -> None:
    agree(IN_TIME[name](), microbatches, chunks)


def test_two_trainings_that_differ_are_told_apart() -> None:
    model = ORDINARY["residual"]()
    whole, double = trained(model, 1, 1), trained(model, 1, 1)
    assert torch.equal(whole[1], double[1])
    with pytest.raises(AssertionError):
        agree(Model(model.layers, lambda output, target: output.square().mean(), model.batch), 2, 1)
