"""A part's gradients twice: as autograd adds them up, and with the linear layers' put off."""

import copy
from collections.abc import Callable, Sequence
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from pipebench.models.deferred.weights import Deferred

Losses = Callable[[nn.Module], Sequence[Tensor]]  # one a slice
Gradients = dict[str, Tensor | None]


def gradients(part: nn.Module) -> Gradients:
    return {name: parameter.grad for name, parameter in part.named_parameters()}


def usual(part: nn.Module, losses: Losses) -> Gradients:
    """Of a copy that nothing was done to."""
    whole = copy.deepcopy(part)
    for loss in losses(whole):
        loss.backward()  # type: ignore[no-untyped-call]
    return gradients(whole)


def put_off(part: nn.Module, losses: Losses, *, together: bool = True) -> Gradients:
    """Forwards, I of all slices, then W: of all at once, or of the last one first."""
    deferred = Deferred(part)  # type: ignore[arg-type]
    assert deferred.splits_anything
    with nullcontext() if together else deferred.on((-1, 0)):
        found = losses(part)
    if not together:
        deferred.weights([(-1, 0)])
        assert all(parameter.grad is None for parameter in part.parameters()), "a forward leaves nothing"
    numbers = []
    for number, loss in enumerate(found):
        with deferred.on((number, 0)):
            loss.backward()  # type: ignore[no-untyped-call]
        numbers.append((number, 0))
    assert deferred.waits
    for slices in [numbers] if together else [[each] for each in reversed(numbers)]:
        deferred.weights(slices)
    assert not deferred.waits
    return gradients(part)


def assert_equal(found: Gradients, expected: Gradients) -> None:
    """To rounding; a gradient that is not there is in neither."""
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        ours = found[name]
        assert (gradient is None) == (ours is None), name
        if gradient is None or ours is None:
            continue
        tolerance = 1e-10 if gradient.dtype == torch.float64 else 1e-5
        error = (ours.to_dense() - gradient.to_dense()).norm() / gradient.to_dense().norm().clamp(min=1e-30)
        assert float(error) <= tolerance, f"{name}: {float(error)}"


def assert_same(part: nn.Module, losses: Losses) -> None:
    """Put off in either way they are what autograd makes of them."""
    expected = usual(part, losses)
    for together in (True, False):
        assert_equal(put_off(copy.deepcopy(part), losses, together=together), expected)
