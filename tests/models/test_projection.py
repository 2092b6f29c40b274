from itertools import cycle

import pytest
import torch

from pipebench.models import projection
from pipebench.models.projection import Projection, can_use_onednn, onednn_is_faster

CPU = torch.device("cpu")


def layers(hidden: int, vocab: int, dtype: torch.dtype = torch.float32) -> tuple[Projection, Projection]:
    """The same layer, once each way."""
    usual, other = (
        Projection(hidden, vocab, onednn=onednn, dtype=dtype, device=CPU) for onednn in (False, True)
    )
    other.load_state_dict(usual.state_dict())
    return usual, other


@pytest.mark.parametrize(
    ("positions", "hidden", "vocab"), [(1, 1, 4), (7, 5, 3), (64, 32, 200), (256, 33, 1001)]
)
def test_either_way_computes_the_same_layer(positions: int, hidden: int, vocab: int) -> None:
    generator = torch.Generator().manual_seed(1)
    found = []
    input_NH = torch.randn(positions, hidden, generator=generator)
    gradient_NV = torch.randn(positions, vocab, generator=generator)
    for layer in layers(hidden, vocab):
        leaf = input_NH.clone().requires_grad_()
        output = layer(leaf)
        output.backward(gradient_NV)
        found.append((output.detach(), leaf.grad, layer.weight.grad, layer.bias.grad))
    for usual, other in zip(*found, strict=True):
        assert usual is not None
        torch.testing.assert_close(other, usual, rtol=1e-5, atol=1e-5)


def test_parameters_have_a_linear_layer_s_names() -> None:
    assert [name for name, _ in layers(2, 3)[1].named_parameters()] == ["weight", "bias"]


def test_double_precision_and_gpus_go_the_usual_way() -> None:
    usual, other = layers(3, 4, torch.float64)
    input_NH = torch.ones(2, 3, dtype=torch.float64)
    assert torch.equal(usual(input_NH), other(input_NH))
    assert not can_use_onednn(torch.float64, CPU)
    assert not can_use_onednn(torch.float32, torch.device("cuda"))


@pytest.mark.parametrize(
    ("usual_s", "onednn_s", "faster"), [(2.0, 1.0, True), (1.0, 2.0, False), (1.0, 0.99, False)]
)
def test_the_faster_one_is_taken_and_a_tie_changes_nothing(
    usual_s: float, onednn_s: float, faster: bool
) -> None:
    steps = cycle((usual_s, onednn_s))
    now = 0.0
    begun = False

    def clock() -> float:
        nonlocal now, begun
        begun = not begun
        if not begun:
            now += next(steps)
        return now

    assert onednn_is_faster(2, 4, 3, clock=clock) is faster


def test_without_onednn_there_is_no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "can_use_onednn", lambda dtype, device: False)
    assert not onednn_is_faster(2, 4, 3)
