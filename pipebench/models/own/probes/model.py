"""All probes of a model: its layers one at a time, each made, run and dropped, and then its loss."""

from collections.abc import Callable

import torch
from torch import nn

from pipebench.errors import UsageError
from pipebench.models.fingerprints import hashes
from pipebench.models.own.batches import Batch, batches, digest, time_length
from pipebench.models.own.layers import OwnLayers, state_of, stateful
from pipebench.models.own.model import Model
from pipebench.models.own.probes.layer import Cuts, LayerProbe, wake
from pipebench.models.own.probes.loss import LossProbe, check_own_parameters
from pipebench.models.own.probes.luck import luck
from pipebench.models.own.probes.parts import Flow, Way, varied
from pipebench.models.own.probes.sharing import Sharing, is_shared
from pipebench.models.own.running import Runner
from pipebench.models.own.values import Value, mapped, tensors_of, to_dtype

_SAMPLES = 8
# In this order until a layer runs: some run in float32 only, some differentiate inside.
_ATTEMPTS = (("float64", False), ("float64", True), ("float32", False), ("float32", True))


def probe(
    model: Model,
    batch: Batch,
    *,
    seed: int,
    dtype: str,
    microbatches: int,
    chunks: int,
    tell: Callable[[str], None],
) -> None:
    """Refuse what a pipeline would not compute exactly.

    Args:
        model: its fields are checked.
        batch: the run's first batch; some of its samples are used.
        seed: of the parameters.
        dtype: of the run; the probes are in float64 where the layers can.
        microbatches: the run's, a divisor of the batch.
        chunks: the run's, a divisor of the time length.
        tell: is called with what is looked at next.

    Raises:
        UsageError: Something was found; the text says what, in which layer, and what to do.
    """
    check_own_parameters(model)
    for cuts in _cuts(model, batch, microbatches, chunks):
        input_, target = (_flow(model, value, cuts) for value in batch)
        probes = _Layers(model, seed, dtype, cuts)
        for index in range(len(model.layers)):
            tell(f"probing layer {index}")
            input_ = probes.check(index, varied(input_))
        tell("probing the loss")
        _probe_loss(model, input_, target, cuts, dtype)


def _cuts(model: Model, batch: Batch, microbatches: int, chunks: int) -> list[Cuts]:
    """The cuts to probe: two parts of up to 4 samples, then of fewer if the run's slices have fewer; the run's chunks.

    Larger parts come first, because a layer that mixes samples may not run on a single one. Smaller parts follow,
    because a layer may mix samples in groups.
    """
    size = tensors_of(batch.input)[0].shape[model.batch_dimension]
    steps = (time_length(model, batch) or 1) // chunks
    if size == 1:
        return [Cuts(1, 1, chunks, steps)]
    half = min(_SAMPLES, size) // 2
    return [
        Cuts(2, samples, chunks, steps) for samples in dict.fromkeys((half, min(half, size // microbatches)))
    ]


def _flow(model: Model, value: Value, cuts: Cuts) -> Flow:
    dimension = model.batch_dimension
    few = mapped(value, lambda tensor: tensor.narrow(dimension, 0, cuts.parts * cuts.samples).clone())
    ways = tuple(Way(dimension) for _ in tensors_of(value))
    time_ways = tuple(Way(model.time_dimension) for _ in tensors_of(value))
    return Flow(to_dtype(few, torch.float64), ways, time_ways)


class _Layers:
    """The probes of the layers in turn."""

    def __init__(self, model: Model, seed: int, dtype: str, cuts: Cuts) -> None:
        self._layers = {name: OwnLayers(model, seed=seed, dtype=name) for name in ("float64", "float32")}
        self._model, self._dtype, self._cuts = model, dtype, cuts
        self._sharing = Sharing()
        layers = self._layers[dtype]
        for index in range(len(layers)):
            if not layers.is_made(index):
                self._sharing.look(index, layers.given(index))

    def check(self, index: int, flow: Flow) -> Flow:
        """Probe a layer, and return what reaches the next one.

        Raises:
            UsageError: The layer cannot be made, does not run, or does what a pipeline cannot do exactly.
        """
        made: nn.Module | None = self._made(index)
        errors: dict[str, UsageError] = {}
        for dtype, gradients in _ATTEMPTS:
            try:
                module = made if made is not None else self._layers[dtype].raw(index)
                found = self._probe(index, module, flow, dtype, gradients)
            except _RaisedError as error:
                made = None
                errors.setdefault(dtype, error.error)
                continue
            if dtype != "float64" and self._dtype == "float64":
                raise UsageError(f"{errors['float64']}; it runs in float32 only: use --dtype float32")
            return found.check()
        raise errors[self._dtype]

    def _made(self, index: int) -> nn.Module:
        """Make the layer; a function must make equal ones each time."""
        layers = self._layers["float64"]
        made = layers.raw(index)
        if not layers.is_made(index):
            return made
        self._sharing.look(index, made)
        again, text = layers.raw(index), layers.text(index)
        if is_shared(made, again):
            raise UsageError(
                f"the function of {text} returns the same module or parameters again; make them inside it"
            )
        if _state(layers, index, made) != _state(layers, index, again):
            raise UsageError(
                f"the function of {text} makes other parameters each time, with the same torch seed;"
                " draw them with torch"
            )
        return made

    def _probe(self, index: int, made: nn.Module, flow: Flow, dtype: str, gradients: bool) -> LayerProbe:
        layers = self._layers[dtype]
        module = wake(layers.converted(index, made))
        runner = Runner(module, layers.text(index), stateful(module))
        if runner.stateful and self._model.time_dimension is None:
            raise UsageError(
                f"{runner.text} has a state (its forward takes two arguments), and the model has no time_dimension; set"
                " it, or give forward one argument (a tuple from the layer before comes as one argument)"
            )
        try:
            return LayerProbe(runner, flow, self._cuts, dtype, gradients=gradients)
        except UsageError as error:
            raise _RaisedError(error) from None


class _RaisedError(Exception):
    """A layer's first forward failed; its dtype may be the reason."""

    def __init__(self, error: UsageError) -> None:
        super().__init__(str(error))
        self.error = error


def _state(layers: OwnLayers, index: int, module: nn.Module) -> dict[str, str]:
    layers.check_values(index, module)
    return hashes(state_of(module))


def _probe_loss(model: Model, output: Flow, target: Flow, cuts: Cuts, dtype: str) -> None:
    try:
        found = LossProbe(model, output, target, cuts, torch.float64)
    except UsageError as wide:
        try:
            found = LossProbe(model, output, target, cuts, torch.float32)
        except UsageError as narrow:
            raise (wide if dtype == "float64" else narrow) from None
        if dtype == "float64":
            raise UsageError(f"{wide}; it runs in float32 only: use --dtype float32") from None
    found.check()


def probe_batch(model: Model, first: Batch, *, size: int, seed: int, dtype: str) -> None:
    """Draw the first batch again, with all other generators in another state.

    Raises:
        UsageError: The batch differs from the first one.
    """
    with luck(seed + 1):
        [again] = batches(model, size=size, seed=seed, dtype=dtype, count=1)
    if digest([again]) != digest([first]):
        raise UsageError(
            "batch gives other values for the same seed; draw from the generator that it is given"
            " (torch.randn(..., generator=generator))"
        )
