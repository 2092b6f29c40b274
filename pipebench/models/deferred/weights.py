"""Keeps, for each slice, what the gradients of a part's weights are computed from later.

    with deferred.on((0, 1)):      around the backward of a slice (m, c): it is then I alone
        output.backward(...)
    deferred.weights([(0, 1)])     W of some slices, in any order

A layer's call belongs to the slice whose backward runs, whenever its forward ran. Until its W a slice keeps the input
and the output's gradient of each linear layer. Both must stay as they are; if one is written into, W notices it.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from pipebench.models.deferred.finding import linear_layers
from pipebench.models.deferred.linear import LayerCall, Linear
from pipebench.models.network import Part

SliceKey = tuple[int, int]  # microbatch, chunk


class Deferred:
    """Puts off the weight gradients of one part, whose linear layers it changes for good.

    Args:
        part: of a model; nothing else may use it.
    """

    def __init__(self, part: Part) -> None:
        self._parameters = list(part.parameters())  # the modules are not kept: they refer to us
        self._slice: SliceKey | None = None  # the slice whose backward runs
        self._pending: dict[SliceKey, list[LayerCall]] = {}
        self._number = len([Linear(module, self) for module in linear_layers(part)])

    @property
    def splits_anything(self) -> bool:
        """Whether W has anything to do."""
        return self._number > 0

    @property
    def waits(self) -> bool:
        """Whether a slice's W is still to come."""
        return bool(self._pending)

    @contextmanager
    def on(self, slice_: SliceKey) -> Iterator[None]:
        """Put off what a backward inside would add to the layers' weights; a forward inside runs as usual."""
        assert self._slice is None, "one slice at a time"
        if self.splits_anything:
            self._slice = slice_
            self._pending.setdefault(slice_, [])
        without = [p for p in self._parameters if p.grad is None]
        try:
            yield
        finally:
            self._slice = None
        _part_from(self._pending.get(slice_, ()), without)

    def keeps(self, call: LayerCall) -> bool:
        """Take a layer's call if a slice's backward runs; returns whether it was taken."""
        if self._slice is None:
            return False
        self._pending[self._slice].append(call)
        return True

    def weights(self, slices: Iterable[SliceKey]) -> None:
        """W: add the gradients of weights and biases over all rows of these slices, each after its I.

        Raises:
            RuntimeError: Something has written into an input or a gradient since.
        """
        if not self.splits_anything:
            return
        of_layers: dict[Linear, list[LayerCall]] = {}
        for slice_ in slices:
            assert slice_ in self._pending, f"W of {slice_} needs its I, and comes once"
            for call in self._pending.pop(slice_):
                of_layers.setdefault(call.layer, []).append(call)
        for layer, calls in of_layers.items():
            _check_unchanged(calls)
            layer.add_gradients(calls)


def _part_from(calls: Iterable[LayerCall], parameters: Sequence[nn.Parameter]) -> None:
    """Copy the first gradients of parameters that lie in the memory of a gradient that waits.

    autograd may give a parameter a gradient tensor that it does not need any more, as with
    ``positions[None] + linear(x)`` and one sample. The next backward would then add to that tensor in place.
    """
    waiting = {_memory(call.gradient) for call in calls}
    for parameter in parameters:
        gradient = parameter.grad
        if gradient is not None and gradient.layout == torch.strided and _memory(gradient) in waiting:
            parameter.grad = gradient.clone()


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _check_unchanged(calls: Iterable[LayerCall]) -> None:
    for call in calls:
        now = call.input_._version, call.gradient._version  # noqa: SLF001
        if now != call.versions:
            raise RuntimeError(
                "the input of a linear layer or the gradient of its output was written into before the gradient of its "
                "weight was computed"
            )
