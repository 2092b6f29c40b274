"""Checks that a loss is a sum over what it is given, so that the losses of slices add up to that of the whole batch."""

from collections.abc import Sequence
from math import isfinite

import torch
from torch import Tensor, nn

from pipebench.errors import UsageError
from pipebench.models.own.last_word import a, blamed
from pipebench.models.own.model import Model
from pipebench.models.own.probes.layer import Cuts
from pipebench.models.own.probes.luck import generators, luck
from pipebench.models.own.probes.parts import Flow, difference, split_value
from pipebench.models.own.probes.precision import TOLERANCES, Precision
from pipebench.models.own.values import Value, mapped, shapes, tensors_of, to_dtype

_TOLERANCES = {torch.float64: 1e-12, torch.float32: 1e-5}


class LossProbe:
    """Probes the loss in one dtype, on the last layer's output and the target, given whole and with their ways."""

    def __init__(self, model: Model, output: Flow, target: Flow, cuts: Cuts, dtype: torch.dtype) -> None:
        self._loss, self._output, self._target, self._cuts, self._dtype = (
            model.loss,
            output,
            target,
            cuts,
            dtype,
        )
        self._tolerance = _TOLERANCES[dtype]
        self._whole = self._checked_value()

    def check(self) -> None:
        """Check that the loss draws no random numbers and is a sum.

        Raises:
            UsageError: The loss is random, averages, or mixes the items.
        """
        cuts = self._cuts
        with luck(1):
            again = self._value(self._output.value, self._target.value)
        if difference(again.detach(), self._whole) > 0:
            self._refuse_random()
        halves = self._pairs(self._output, self._target)
        if cuts.parts > 1:
            self._check_sum(halves, "halves of the samples", cuts.parts)
        if cuts.chunks > 1:
            chunks = [pair for half in halves for pair in self._chunks(*half)]
            self._check_sum(chunks, "chunks of the time", cuts.chunks)

    def _pairs(self, output: Flow, target: Flow) -> list[tuple[Value, Value]]:
        parts, size = self._cuts.parts, self._cuts.samples
        if parts == 1:
            return [(output.value, target.value)]
        cut = [split_value(flow.value, flow.ways, parts, size) for flow in (output, target)]
        return list(zip(*cut, strict=True))

    def _chunks(self, output: Value, target: Value) -> list[tuple[Value, Value]]:
        count, steps = self._cuts.chunks, self._cuts.steps
        ways = (self._output.time_ways, self._target.time_ways)
        cut = [
            split_value(value, way, count, steps) for value, way in zip((output, target), ways, strict=True)
        ]
        return list(zip(*cut, strict=True))

    def _checked_value(self) -> Tensor:
        """The loss of the whole; all checks that need no parts are made."""
        output, target = (
            _leaf(to_dtype(self._output.value, self._dtype)),
            to_dtype(self._target.value, self._dtype),
        )
        given = [*tensors_of(output), *tensors_of(target)]
        before = [(tensor.detach().clone(), tensor._version) for tensor in given]  # noqa: SLF001
        stood = generators()
        value = self._call(output, target)
        if generators() != stood:
            self._refuse_random()
        for tensor, (copy, version) in zip(given, before, strict=True):
            if tensor._version != version or difference(tensor.detach(), copy) > 0:  # noqa: SLF001
                raise UsageError("loss changes what it is given in place; let it work on a copy")
        _check_kind(value, any(tensor.requires_grad for tensor in tensors_of(output)))
        return value.detach()

    def _value(self, output: Value, target: Value) -> Tensor:
        return self._call(_leaf(to_dtype(output, self._dtype)), to_dtype(target, self._dtype))

    def _call(self, output: Value, target: Value) -> Tensor:
        with torch.enable_grad(), blamed("loss", f"; it was given {shapes(output)} and {shapes(target)}"):
            value: Tensor = self._loss(output, target)
            return value

    def _refuse_random(self) -> None:
        raise UsageError(
            "loss draws random numbers; slices would draw other numbers than the whole batch; take that out"
        )

    def _check_sum(self, pairs: Sequence[tuple[Value, Value]], what: str, count: int) -> None:
        values = [self._value(*pair) for pair in pairs]
        for value in values:
            _check_kind(value, needed=False)
        numbers, whole = [value.item() for value in values], self._whole.item()
        total = sum(numbers)
        scale = sum(abs(number) for number in numbers)
        if isfinite(total) == isfinite(whole) and not abs(total - whole) > self._tolerance * scale:
            return  # also where both are NaN
        if self._is_less_exact():
            self._check_sum(pairs, what, count)
            return
        if whole and abs(total / whole - count) < 0.3 * (count - 1):
            raise UsageError(
                f"loss averages: {what} give {total / whole:.4g} times the loss of the whole; use reduction='sum', the"
                " run divides by the items"
            )
        raise UsageError(
            f"loss mixes the items: {what} give {total:.10g} together, the whole {whole:.10g}; it must be the sum over"
            " the items of what it is given"
        )

    def _is_less_exact(self) -> bool:
        """Whether the loss computes in less than float64 inside; if so, take the tolerance of that dtype."""
        with Precision() as precision:
            self._value(self._output.value, self._target.value)
        if precision.tolerance <= max(self._tolerance, TOLERANCES[torch.float64]):
            return False
        self._tolerance = precision.tolerance
        return True


def _leaf(value: Value) -> Value:
    """Make floating tensors require a gradient; they may be changed in place, as a layer's output may."""

    def one(tensor: Tensor) -> Tensor:
        if not tensor.is_floating_point():
            return tensor.clone()
        with torch.enable_grad():
            return tensor.detach().clone().requires_grad_().clone()

    return mapped(value, one)


def _check_kind(value: object, needed: bool) -> None:
    if not isinstance(value, Tensor):
        raise UsageError(f"loss returns {a(value)}; a tensor with one number is needed")
    if value.dim() or not value.is_floating_point():
        kind = str(value.dtype).removeprefix("torch.")
        raise UsageError(
            f"loss returns a tensor of the shape {list(value.shape)} ({kind}); one number is needed: its sum"
        )
    if needed and not value.requires_grad:
        raise UsageError(
            "loss returns a number that carries no gradient; it must depend on the output, without detach or item"
        )


def check_own_parameters(model: Model) -> None:
    """Refuse a loss with parameters to train: only layers are trained.

    Raises:
        UsageError: The loss is a module with such parameters.
    """
    loss: object = model.loss
    if isinstance(loss, nn.Module) and any(parameter.requires_grad for parameter in loss.parameters()):
        raise UsageError(
            "loss has parameters of its own, which would not be trained; put them into the last layer"
        )
