"""The tensors at the ends of a slice's graph: leaves that gradients are collected at, and gradients that go in."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from pipebench.models.edges import Edge


def leaves_of(payload: tuple[Tensor, ...], edge: Edge, device: torch.device) -> Iterator[Tensor]:
    """A message's tensors, and zeros in the place of those that are not sent, whose gradients can be collected."""
    sent = iter(payload)
    for spec in edge.tensors:
        tensor = (
            next(sent).detach()
            if spec.sent
            else torch.zeros(spec.shape, dtype=getattr(torch, spec.dtype), device=device)
        )
        yield tensor.requires_grad_(spec.gradient)


def added_up(payloads: Sequence[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    """The gradients of several stages, in their order; nobody's tensors are written into."""
    first, *others = payloads
    if not others:
        return first
    totals = tuple(a + b for a, b in zip(first, others[0], strict=True))
    for payload in others[1:]:
        for total, gradient in zip(totals, payload, strict=True):
            total.add_(gradient)
    return totals


def cut(tensor: Tensor) -> Tensor:
    """A tensor of the state as a new leaf, so that its gradient can be collected where it has one."""
    return tensor.detach().requires_grad_(tensor.requires_grad)


def unknown(tensor: Tensor) -> Tensor:
    """The same of a forward that ran without autograd: whatever can have a gradient may have one."""
    return tensor.detach().requires_grad_(tensor.is_floating_point() or tensor.is_complex())


def or_zeros(tensor: Tensor) -> Tensor:
    """The gradient of an input, zeros where the part does not use it."""
    return torch.zeros_like(tensor) if tensor.grad is None else tensor.grad


def that_lead_back(
    outputs: Sequence[Tensor], gradients: Sequence[Tensor | None]
) -> tuple[list[Tensor], list[Tensor | None]]:
    """Without the outputs that nothing was computed for, such as those of a slice that no sentence has begun in."""
    pairs = [(t, g) for t, g in zip(outputs, gradients, strict=True) if t.requires_grad]
    return [output for output, _ in pairs], [gradient for _, gradient in pairs]
