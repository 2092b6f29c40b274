"""Finds what a layer does that a pipeline cannot do exactly, by looking at its outputs.

A layer is run on a few samples, in float64, in training mode. Then it is run again with other random numbers, for parts
of the samples, and for parts of the time. It must not draw random numbers, mix samples, look ahead, or change its
input, parameters or buffers.
"""

from collections.abc import Sequence
from time import monotonic
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from pipebench.errors import UsageError
from pipebench.models.fingerprints import hashes
from pipebench.models.own.layers import state_of, torch_dtype
from pipebench.models.own.probes.luck import generators, luck
from pipebench.models.own.probes.parts import Fault, Flow, Way, difference, find_ways, split_value
from pipebench.models.own.probes.precision import TOLERANCES, Precision
from pipebench.models.own.running import Runner
from pipebench.models.own.values import Value, mapped, shapes, tensors_of, to_dtype

_REPEATS, _SLOW_S = 3, 0.05  # a layer that takes longer is repeated once


class Cuts(NamedTuple):
    """How probes are cut: ``parts`` of so many samples each, ``chunks`` of so many time steps each."""

    parts: int
    samples: int
    chunks: int
    steps: int


class _First(NamedTuple):
    """The first forward: its output, and what else it did."""

    output: Value
    changed: str | None
    drew: bool
    touched: bool
    repeats: int


class LayerProbe:
    """Probes one layer in one dtype. The first forward runs at once, the others in ``check``.

    Args:
        runner: the layer, its parameters in this dtype.
        flow: the input that reaches it.
        cuts: how to cut that input.
        dtype: ``float64``, or ``float32``.
        gradients: whether the input requires gradients; layers that differentiate inside need that.
    """

    def __init__(self, runner: Runner, flow: Flow, cuts: Cuts, dtype: str, *, gradients: bool) -> None:
        self.runner, self.flow, self.cuts, self._gradients = runner, flow, cuts, gradients
        self.input = to_dtype(flow.value, torch_dtype(dtype))
        self.tolerance = TOLERANCES[torch_dtype(dtype)]
        floats = [
            t.abs().nan_to_num(posinf=0).max().item()
            for t in tensors_of(self.input)
            if t.is_floating_point() and t.numel()
        ]
        self._floor = 1e-4 * max(floats, default=0.0)  # for numbers that should be 0 and are rounding alone
        self._first = self._run_first()

    def _run_first(self) -> _First:
        module = self.runner.module
        copies = [tensor.clone() for tensor in tensors_of(self.input)]
        versions = [tensor._version for tensor in tensors_of(self.input)]  # noqa: SLF001
        before, stood = hashes(state_of(module)), generators()
        start_s = monotonic()
        output = self._run(self.input)
        repeats = _REPEATS if monotonic() - start_s < _SLOW_S else 1
        drew = generators() != stood
        after = hashes(state_of(module))
        changed = [name for name in after if after[name] != before.get(name)]
        touched = versions != [tensor._version for tensor in tensors_of(self.input)]  # noqa: SLF001
        touched = touched or any(
            difference(t, copy) > 0 for t, copy in zip(tensors_of(self.input), copies, strict=True)
        )
        return _First(output, changed[0] if changed else None, drew, touched, repeats)

    def _run(self, value: Value) -> Value:
        return self._run_chunks([value])[0]

    def _run_chunks(self, chunks: Sequence[Value]) -> list[Value]:
        """The outputs for chunks in turn, with the state carried from one to the next."""
        state: Any = None
        outputs: list[Value] = []
        with torch.set_grad_enabled(self._gradients):
            for chunk in chunks:
                given, before = state, [tensor.clone() for tensor in _flat(state)]
                output, state = self.runner.run(mapped(chunk, self._given), state)
                if any(difference(t, was) > 0 for t, was in zip(_flat(given), before, strict=True)):
                    raise UsageError(
                        f"{self.runner.text} changes the state that it is given in place; make a new one "
                        "(state = state + ...)"
                    )
                outputs.append(mapped(output, torch.Tensor.detach))
        return outputs

    def _given(self, tensor: Tensor) -> Tensor:
        return tensor.detach().requires_grad_(self._gradients and tensor.is_floating_point())

    def check(self) -> Flow:
        """Make all probes; returns what the next layer is given.

        Raises:
            UsageError: The layer does what a pipeline cannot do exactly.
        """
        text = self.runner.text
        if self._first.touched:
            raise UsageError(
                f"{text} changes its input in place; give it a copy (inplace=False, or x = x + ...)"
            )
        self._check_repeats()
        ways = self._check_samples()
        time_ways = self._check_time(ways) if self.cuts.chunks > 1 else tuple(Way(None) for _ in ways)
        self._refuse_changes()
        return Flow(to_dtype(self._first.output, torch.float64), ways, time_ways)

    def _refuse_changes(self) -> None:
        if self._first.changed is None:
            return
        name = self._first.changed
        kind = "parameter" if name in dict(self.runner.module.named_parameters()) else "buffer"
        raise UsageError(
            f"{self.runner.text} changes its {kind} {name} in a forward{self._culprit('Norm')}: slices would change it"
            " more often than the whole batch does; keep it as it is in training (no running statistics, no counters)"
        )

    def _check_repeats(self) -> None:
        drew = self._first.drew
        for number in range(1, self._first.repeats + 1):
            with luck(number):
                again = self._run(self.input)
            if drew or not _identical(again, self._first.output):
                break
        else:
            return
        if drew:
            raise UsageError(
                f"{self.runner.text} draws random numbers in a forward{self._culprit('Drop', 'RReLU', 'Random')}:"
                " slices would draw other numbers than the whole batch; take that out (such as p=0)"
            )
        self._refuse_changes()
        raise UsageError(
            f"{self.runner.text} gives something else for the same input: it is random or keeps something from one"
            " forward to the next; make its output depend on its input and parameters alone"
        )

    def _check_samples(self) -> tuple[Way, ...]:
        parts, size = self.cuts.parts, self.cuts.samples
        if parts == 1:
            return tuple(Way(None) for _ in tensors_of(self._first.output))
        pieces = split_value(self.input, self.flow.ways, parts, size)
        outputs = [self._run(piece) for piece in pieces]
        found = self._ways(self._first.output, outputs, size)
        if not isinstance(found, Fault):
            self._check_rows(found, outputs)
            return found
        if found.why == "shape":
            self._refuse_shapes("half of the samples", outputs)
        raise UsageError(
            f"{self.runner.text} mixes the samples of a batch{self._culprit('BatchNorm')}: a half of them gives other"
            f" values alone than with the rest; {self._unmixed()}"
        )

    def _unmixed(self) -> str:
        if any(isinstance(module, nn.RNNBase) for module in self.runner.module.modules()):
            return "its batch is in dimension 1 unless it has batch_first=True: the model's batch_dimension must fit"
        return "use what treats each sample alone (GroupNorm, LayerNorm), or fixed statistics"

    def _check_rows(self, ways: tuple[Way, ...], outputs: Sequence[Value]) -> None:
        """Refuse outputs whose rows are not equally many for each sample: their number may depend on the values."""
        for output in outputs:
            for tensor, way in zip(tensors_of(output), ways, strict=True):
                if way.dimension is not None and tensor.shape[way.dimension] % self.cuts.samples:
                    self._refuse_shapes("half of the samples", outputs)

    def _refuse_shapes(self, what: str, outputs: Sequence[Value]) -> None:
        given = ", ".join(shapes(output) for output in outputs[:2])
        raise UsageError(
            f"{self.runner.text} gives the shape {shapes(self._first.output)}, and for {what} {given}: these cannot be"
            " put together; one dimension must grow with the input, and slices of equal size must give equal shapes"
        )

    def _check_time(self, ways: tuple[Way, ...]) -> tuple[Way, ...]:
        """For each part of the samples, compare the outputs for chunks in turn with the output for the whole time."""
        parts, size = self.cuts.parts, self.cuts.samples
        pieces = split_value(self.input, self.flow.ways, parts, size)
        wholes = split_value(self._first.output, ways, parts, size)
        found: tuple[Way, ...] | Fault = ()
        for piece, whole in zip(pieces, wholes, strict=True):
            chunks = split_value(piece, self.flow.time_ways, self.cuts.chunks, self.cuts.steps)
            outputs = self._run_chunks(chunks)
            found = self._ways(whole, outputs, self.cuts.steps)
            if isinstance(found, Fault):
                if found.why == "shape":
                    self._refuse_shapes(f"a chunk of {self.cuts.steps} time steps", outputs)
                raise UsageError(
                    f"{self.runner.text} gives other values for chunks in turn than for the whole time: it looks ahead"
                    " or keeps no state; carry a state (forward(input, state)), or run with --chunks 1"
                )
        assert not isinstance(found, Fault)
        return found

    def _ways(self, whole: Value, parts: Sequence[Value], size: int) -> tuple[Way, ...] | Fault:
        found = find_ways(whole, parts, size, tolerance=self.tolerance, floor=self._floor)
        if isinstance(found, Fault) and found.why == "values" and self._is_less_exact():
            found = find_ways(whole, parts, size, tolerance=self.tolerance, floor=self._floor)
        return found

    def _is_less_exact(self) -> bool:
        """Whether the layer computes in less than float64 inside; if so, take the tolerance of that dtype."""
        with Precision() as precision:
            self._run(self.input)
        before, self.tolerance = self.tolerance, max(self.tolerance, precision.tolerance)
        return self.tolerance > before

    def _culprit(self, *kinds: str) -> str:
        """Text such as `` (a Dropout in it)``, if a module's class has such a name; else empty."""
        names = [type(module).__name__ for module in self.runner.module.modules()]
        found = next((name for name in names if any(kind in name for kind in kinds)), None)
        return f" (a {found} in it)" if found and f"({found})" not in self.runner.text else ""


def _flat(state: object) -> list[Tensor]:
    if isinstance(state, tuple):
        return [tensor for part in state for tensor in _flat(part)]
    return [state] if isinstance(state, Tensor) else []


def _identical(one: Value, other: Value) -> bool:
    ones, others = tensors_of(one), tensors_of(other)
    return len(ones) == len(others) and all(difference(a, b) == 0 for a, b in zip(ones, others, strict=True))


def wake(module: nn.Module) -> nn.Module:
    """Give parameters that start at zero small values for the probes, since zeros hide what the layer will do."""
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.requires_grad and parameter.numel() and not bool(parameter.any()):
                values = torch.linspace(0.01, 0.1, parameter.numel(), dtype=parameter.dtype)
                parameter.copy_(values.reshape(parameter.shape))
    return module
