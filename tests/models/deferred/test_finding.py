"""Which layers are found: plain ones whose weights are theirs alone."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize, weight_norm

from pipebench.models.deferred.finding import linear_layers
from pipebench.models.projection import Projection


class Other(nn.Linear):
    """May compute anything."""


def found(part: nn.Module) -> list[nn.Linear]:
    return linear_layers(part)  # type: ignore[arg-type]


def test_linear_layers_and_projections_are_found_wherever_they_are_once() -> None:
    inner, projection = nn.Linear(2, 3), Projection(3, 4, onednn=False, dtype=torch.float32, device=None)
    part = nn.Sequential(nn.Embedding(5, 2), nn.ModuleDict({"a": inner}), projection, nn.LSTM(2, 2))
    part.append(nn.Sequential(inner))
    assert found(part) == [inner, projection]


def changed(change: Callable[[nn.Linear], object]) -> nn.Module:
    layer = nn.Linear(2, 2)
    made = change(layer)
    return made if isinstance(made, nn.Module) else layer


def hooked(layer: nn.Linear) -> None:
    layer.weight.register_hook(lambda gradient: gradient * 2)


def watched(layer: nn.Linear) -> None:
    layer.bias.register_post_accumulate_grad_hook(lambda parameter: None)


def replaced(layer: nn.Linear) -> None:
    layer.forward = lambda input: input  # type: ignore[assignment, method-assign]  # noqa: A006


def computed(layer: nn.Linear) -> None:
    """The bias is no parameter."""
    del layer.bias
    layer.bias = torch.ones(2, requires_grad=True) * 2  # type: ignore[assignment]


def extended(layer: nn.Linear) -> None:
    layer.register_parameter("scale", nn.Parameter(torch.ones(2)))


class Doubled(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return weight * 2


@pytest.mark.parametrize(
    "change",
    [
        lambda layer: Other(2, 2),
        lambda layer: nn.Bilinear(2, 2, 2),
        lambda layer: nn.Linear(2, 2, dtype=torch.complex64),
        lambda layer: layer.weight.requires_grad_(False),
        lambda layer: layer.register_forward_hook(lambda *_: None),
        lambda layer: layer.register_forward_pre_hook(lambda *_: None),
        lambda layer: layer.register_full_backward_hook(lambda *_: None),
        lambda layer: layer.register_full_backward_pre_hook(lambda *_: None),
        lambda layer: parametrize.register_parametrization(layer, "weight", Doubled()),
        parametrizations.weight_norm,
        hooked,
        watched,
        replaced,
        computed,
        extended,
    ],
)
def test_others_stay_whole(change: Callable[[nn.Linear], object]) -> None:
    assert found(nn.Sequential(changed(change))) == []


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_the_old_weight_norm_stays_whole() -> None:
    assert found(weight_norm(nn.Linear(2, 2))) == []


@pytest.mark.parametrize("name", ["weight", "bias"])
def test_what_two_layers_share_stays_whole_in_both(name: str) -> None:
    one, other, third = (nn.Linear(2, 2) for _ in range(3))
    setattr(other, name, getattr(one, name))
    assert found(nn.Sequential(one, other, third)) == [third]
