"""``describe``: load the user's model, refuse what cannot be pipelined, measure the rest."""

import time
from collections.abc import Callable, Sequence
from math import prod

from msgspec import structs

from pipebench.errors import UsageError
from pipebench.models.deferred.finding import linear_layers
from pipebench.models.edges import Edge
from pipebench.models.own.batches import Batch, batches, cut, digest, items, time_length
from pipebench.models.own.description import Description, OwnLayer
from pipebench.models.own.last_word import said_of
from pipebench.models.own.layers import OwnLayers, stateful
from pipebench.models.own.loading import load_source
from pipebench.models.own.measuring import OptimizerFacts, handed_on, measure_layer
from pipebench.models.own.model import Model
from pipebench.models.own.probes import probe, probe_batch
from pipebench.models.own.running import Runner
from pipebench.models.own.values import Value, edge_of, mapped

_CONSTANT = "the model's batch function gives the same batch each time: every step trains on the same items"

Slices = Callable[[int, int | None], tuple[int, int]]


def _silent(text: str) -> None:
    """The default of ``tell``."""


def describe(
    reference: str,
    *,
    batch: int | None,
    dtype: str,
    seed: int,
    slices: Slices,
    tell: Callable[[str], None] = _silent,
) -> Description:
    """Load, probe and measure the user's model; returns what a run needs to know of it.

    Args:
        reference: ``FILE.py:NAME`` or ``package.module:NAME``.
        batch: the batch's size; ``None`` means the model's own.
        dtype: ``float32`` or ``float64``.
        seed: of parameters and batches.
        slices: a function from the batch's size and its time length (``None``: not cut along time) to the numbers of
            microbatches and chunks.
        tell: is called with what is done next.

    Raises:
        UsageError: The model cannot be loaded, it cannot be pipelined exactly, or ``slices`` refuses it.
    """
    tell("loading the model")
    loaded = load_source(reference, seed=seed)
    model = loaded.model
    size = model.batch_size if batch is None else batch
    with said_of(reference):
        tell("making its batches")
        begun = time.perf_counter()
        drawn = batches(model, size=size, seed=seed, dtype=dtype)
        draw_s = time.perf_counter() - begun
        probe_batch(model, drawn[0], size=size, seed=seed, dtype=dtype)
        counted = tuple(items(model, one.target, size) for one in drawn)
    length = time_length(model, drawn[0])
    microbatches, chunks = slices(size, length)
    _check_slices(size, length, microbatches, chunks)
    with said_of(reference):
        probe(model, drawn[0], seed=seed, dtype=dtype, microbatches=microbatches, chunks=chunks, tell=tell)
        measured = _Measured(model, drawn[0], microbatches, chunks)
        measured.measure(OwnLayers(model, seed=seed, dtype=dtype), tell)
    return Description(
        reference=reference,
        name=loaded.name,
        sha256=loaded.sha256,
        unit=loaded.model.unit,
        layers=tuple(measured.layers),
        batch=size,
        time_length=length,
        microbatches=measured.microbatches,
        chunks=measured.chunks,
        input=measured.input,
        items=counted,
        input_sha256=digest(drawn),
        optimizer=measured.optimizer.name if measured.optimizer is not None else "",
        learning_rate=measured.optimizer.learning_rate if measured.optimizer is not None else None,
        momentum=measured.optimizer.momentum if measured.optimizer is not None else None,
        draw_s=draw_s,
        notices=(*_about(drawn), *measured.notices),
        linear_layers=measured.linear_layers,
    )


def _about(drawn: Sequence[Batch]) -> list[str]:
    """Notices of what is odd about the batches."""
    return [_CONSTANT] if len({digest([one]) for one in drawn}) == 1 else []


def _check_slices(size: int, length: int | None, microbatches: int, chunks: int) -> None:
    if size % microbatches:
        raise UsageError(
            f"a batch of {size} cannot be cut into {microbatches} equal microbatches; name a divisor"
        )
    if chunks > 1 and length is None:
        raise UsageError(
            f"{chunks} chunks cut the time, and the model has no time_dimension; use 1 chunk, or set it"
        )
    if chunks > 1 and length is not None and length % chunks:
        raise UsageError(f"{length} time steps cannot be cut into {chunks} equal chunks; name a divisor")


class _Measured:
    """Measures the layers on one real slice; one layer is made at a time."""

    def __init__(self, model: Model, batch: Batch, microbatches: int, chunks: int) -> None:
        self._model = model
        self.microbatches, self.chunks = microbatches, chunks
        self._pieces: list[Value] = cut(
            batch.input,
            batch_dimension=model.batch_dimension,
            time_dimension=model.time_dimension,
            microbatches=microbatches,
            chunks=chunks,
        )[0][:2]
        self._whole = batch.input if (microbatches, chunks) != (1, 1) else None
        self.input = edge_of(self._pieces[0])
        self.layers: list[OwnLayer] = []
        self.notices: list[str] = []
        self.linear_layers = 0
        self.optimizer: OptimizerFacts | None = None

    def measure(self, layers: OwnLayers, tell: Callable[[str], None]) -> None:
        """Measure all layers, and fill in the fields."""
        pieces = self._pieces
        for index in range(len(layers)):
            tell(f"measuring layer {index}")
            module = layers.make(index)
            self.notices += layers.converted_notices(index)
            self.linear_layers += len(linear_layers(module))
            runner = Runner(module, layers.text(index), stateful(module))
            found = measure_layer(self._model, layers.name(index), runner, pieces)
            pieces = found.outputs
            self.layers.append(self._with_whole(found.layer, runner))
            self.optimizer = found.optimizer or self.optimizer
            if self._is_end_of_gradients(found.layer):
                self.notices.append(
                    f"the output of {runner.text} carries no gradient: nothing before it is trained"
                )
        self._check_trained()

    def _with_whole(self, layer: OwnLayer, runner: Runner) -> OwnLayer:
        """Add what the layer gives for the whole batch at once, as the naive schedule runs it."""
        if self._whole is None:
            return layer
        output, _ = runner.run(self._whole)  # with gradients: a layer may differentiate inside
        self._whole = mapped(output, handed_on)
        whole_output = edge_of(self._whole)
        self._check_whole(layer.output, whole_output, runner.text)
        return structs.replace(layer, whole_output=whole_output)

    def _check_whole(self, slice_: Edge, whole: Edge, text: str) -> None:
        """Refuse an output for the whole batch that slices of the first one's shape could not make up together."""
        m, c = self.microbatches, self.chunks
        for part, all_ in zip(slice_.tensors, whole.tensors, strict=True):
            if prod(all_.shape) not in {prod(part.shape) * slices for slices in (1, m, c, m * c)}:
                raise UsageError(
                    f"{text} gives the shape {list(part.shape)} for the first of {m * c} slices, and "
                    f"{list(all_.shape)} for the whole batch: slices of one size must give one shape, whatever their "
                    "values are"
                )

    def _is_end_of_gradients(self, layer: OwnLayer) -> bool:
        """Whether no gradient comes back to the layers up to this one, though some of them should be trained."""
        return not layer.output.gradients and any(each.gradients_bytes for each in self.layers)

    def _check_trained(self) -> None:
        if not any(layer.gradients_bytes for layer in self.layers):
            raise UsageError(
                "no layer has a parameter that is trained (requires_grad); there is nothing to measure"
            )
        if not self.layers[-1].output.gradients:
            raise UsageError("the last layer's output carries no gradient; nothing could be trained")
