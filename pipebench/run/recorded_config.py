"""What a run was asked to do, as a record holds it: its options, its model and its input. Pure."""

from pipebench.config.run_config import RunConfig
from pipebench.models.kind import Given
from pipebench.models.outline import Slice
from pipebench.models.registry import DEFAULT_MODEL
from pipebench.records.config import Config, Input, ModelLayer, ModelRecord, Optimizer
from pipebench.records.terms import WORDS

_OPTIONS = frozenset(Config.__struct_fields__) - {"partition", "optimizer", "input", "model"}


def config_record(config: RunConfig, given: Given | None) -> Config:
    """Every option of a run, with its value; ``given`` is its input, ``None`` if it ended before that was read."""
    options = {name: getattr(config, name) for name in RunConfig.__struct_fields__ if name in _OPTIONS}
    return Config(
        **{
            **options,
            "device": config.asked_device,
            "partition": list(config.partition) if config.partition else None,
        },
        optimizer=_optimizer(config),
        input=input_record(config, given),
        model=_model(config),
    )


def _optimizer(config: RunConfig) -> Optimizer:
    """Plain SGD, or the user's own optimizer, of which only what it says of itself is known."""
    described = config.described
    if described is None or not described.optimizer:
        return Optimizer(learning_rate=config.learning_rate, clipping=config.clipping)
    rate = described.learning_rate
    return Optimizer(
        name=described.optimizer,
        learning_rate=rate if rate and rate > 0 else None,
        momentum=described.momentum,
    )


def _model(config: RunConfig) -> ModelRecord | None:
    """The layers of another model than the default one, which is known by its sizes."""
    described = config.described
    if described is None:
        return None if config.model == DEFAULT_MODEL else _built_in(config)
    layers = [ModelLayer(layer.name, layer.parameters) for layer in described.layers]
    return ModelRecord(described.name, layers, described.sha256)


def _built_in(config: RunConfig) -> ModelRecord:
    """The layers of a built-in model in order; the first has what opens the model, the last has its head."""
    outline, last = config.outline, config.layers - 1
    units = [Slice(n, n + 1, opens=n == 0, closes=n == last) for n in range(config.layers)]
    layers = [ModelLayer(outline.text(unit), outline.parameters(unit)) for unit in units]
    return ModelRecord(config.model, layers)


def input_record(config: RunConfig, given: Given | None) -> Input | None:
    """The input, with what throughput counts; ``None`` if the run ended before the input was read."""
    if given is None:
        return None
    source = given.source
    items = source.items_per_step(config.steps)
    return Input(
        kind=source.kind,
        sha256=source.sha256,
        tokens=source.tokens,
        vocabulary=source.vocabulary,
        words_per_step=items if source.unit == WORDS else None,
        count_rule=source.count_rule,
        unknown_share=source.unknown_share,
        bytes_read=source.bytes_read,
        whole=source.whole,
        unit=source.unit,
        items_per_step=items,
        pairs=source.pairs,
        origin=source.origin,
        slice_steps=_slice_steps(config, given),
    )


def _slice_steps(config: RunConfig, given: Given) -> list[int] | None:
    """Steps of time of the shortest and of the longest slice, where they differ."""
    lengths = given.lengths(config.microbatches)
    if lengths is None:
        return None
    chunks = config.chunks
    cut = [(max(length, chunks) // chunks, -(-max(length, chunks) // chunks)) for length in lengths]
    return [min(least for least, _ in cut), max(most for _, most in cut)]
