"""The tensors at the ends of a slice's autograd graph: leaves that collect gradients, and gradients that go in."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from pipebench.models.edges import Edge


def leaves_of(payload: tuple[Tensor, ...], edge: Edge, device: torch.device) -> Iterator[Tensor]:
    """A message's tensors as new leaves that can collect gradients, with zeros for the tensors that are not sent."""
    sent = iter(payload)
    for spec in edge.tensors:
        tensor = (
            next(sent).detach()
            if spec.sent
            else torch.zeros(spec.shape, dtype=getattr(torch, spec.dtype), device=device)
        )
        yield tensor.requires_grad_(spec.gradient)


def added_up(payloads: Sequence[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    """The sum of the gradients of several stages, added in their order; the given tensors are not changed."""
    first, *others = payloads
    if not others:
        return first
    totals = tuple(a + b for a, b in zip(first, others[0], strict=True))
    for payload in others[1:]:
        for total, gradient in zip(totals, payload, strict=True):
            total.add_(gradient)
    return totals


def cut(tensor: Tensor) -> Tensor:
    """A tensor of the state as a new leaf, which collects a gradient if the tensor requires one."""
    return tensor.detach().requires_grad_(tensor.requires_grad)


def unknown(tensor: Tensor) -> Tensor:
    """Like ``cut``, after a forward without autograd: every tensor that can have a gradient collects one."""
    return tensor.detach().requires_grad_(tensor.is_floating_point() or tensor.is_complex())


def or_zeros(tensor: Tensor) -> Tensor:
    """The gradient of an input, or zeros if the part did not use the input."""
    return torch.zeros_like(tensor) if tensor.grad is None else tensor.grad


def that_lead_back(
    outputs: Sequence[Tensor], gradients: Sequence[Tensor | None]
) -> tuple[list[Tensor], list[Tensor | None]]:
    """Outputs that require a gradient, with their gradients.

    An output may require none, for example if no sentence has begun in its slice yet.
    """
    pairs = [(t, g) for t, g in zip(outputs, gradients, strict=True) if t.requires_grad]
    return [output for output, _ in pairs], [gradient for _, gradient in pairs]
