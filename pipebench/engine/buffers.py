"""Buffers for messages: tensors that all steps reuse, each large enough for its longest slice."""

from collections.abc import Iterable
from math import prod

import torch
from torch import Tensor

from pipebench.engine.stage import Payload
from pipebench.models.edges import Edges, Steps, TensorSpec, tensors_of
from pipebench.plan.transfers import Message


class Buffers:
    """The tensors of some messages of a plan.

    Args:
        edges: what the stages give each other.
        messages: the messages that need tensors.
        device: where the tensors are.
        pin_memory: whether they are in pinned memory of the host.
    """

    def __init__(
        self, edges: Edges, messages: Iterable[Message], device: torch.device, *, pin_memory: bool = False
    ) -> None:
        self._edges = edges
        self._whole: dict[Message, Payload] = {
            message: tuple(
                torch.empty(
                    spec.shape, dtype=getattr(torch, spec.dtype), device=device, pin_memory=pin_memory
                )
                for spec in tensors_of(edges, message)
            )
            for message in messages
        }
        self._views: dict[Steps, dict[Message, Payload]] = {}

    def of(self, steps: Steps | None) -> dict[Message, Payload]:
        """The tensors of each message in a step; ``steps`` are its slices' time steps, if slices differ in length."""
        if steps is None:
            return self._whole
        if steps not in self._views:
            self._views[steps] = {
                message: tuple(map(_view, whole, tensors_of(self._edges, message, steps)))
                for message, whole in self._whole.items()
            }
        return self._views[steps]


def _view(whole: Tensor, spec: TensorSpec) -> Tensor:
    """A contiguous tensor of the shape in ``spec``, in the memory of ``whole``, which is at least as large."""
    return whole.view(-1)[: prod(spec.shape)].view(spec.shape)
