"""What two runs must have in common to be compared, what may drift, and how each field is read off a record.

Fields are named by their place in the record. The clock and the baseline can never be let pass: virtual seconds and
wall seconds are two kinds of seconds, and a speed-up is relative to its baseline.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import groupby

from pipebench.plurals import counted
from pipebench.records.run import RunRecord

CLOCK, BASELINE, UNIT = "clock", "baseline.devices", "config.input.unit"
NEVER_PASS = frozenset({CLOCK, BASELINE})

HARD = (
    "schema.version",
    CLOCK,
    "device.kind",
    "device.count",
    "device.names",
    "device.hosts",
    "machine.name",
    "config.model.name",
    "config.model.layers",
    "config.layers",
    "config.hidden",
    "config.vocab",
    "config.source_vocab",
    "config.heads",
    "config.batch",
    "config.sequence_length",
    "config.dtype",
    "config.schedule",
    "config.microbatches",
    "config.chunks",
    "config.partition",
    "config.softmax_devices",
    "config.checkpoint",
    "config.cell",
    "config.most_alive",
    "config.most_waiting",
    "config.optimizer",
    "config.tokens",
    "config.bucket",
    UNIT,
    "config.input.items_per_step",
    BASELINE,
)

# The values of older records, which lack these fields. A key leaves them out, so that keys saved before stay valid.
BEFORE: Mapping[str, str | None] = {
    "device.hosts": None,
    "config.model.name": "stacked LSTM",
    "config.model.layers": None,
    "config.softmax_devices": None,
    "config.cell": "fused",
    "config.most_alive": None,
    "config.most_waiting": None,
    "config.source_vocab": None,
    "config.heads": None,
    "config.bucket": None,
    UNIT: "words",
    BASELINE: "one device",
}
ITEMS, OLD_ITEMS = "config.input.items_per_step", "config.input.words_per_step"

# The fields of a plan: two sides may differ in these because they were asked to, and still do the same work.
PLAN = frozenset(
    {
        *("config.schedule", "config.microbatches", "config.chunks", "config.checkpoint", "config.partition"),
        *("config.cell", "config.most_alive", "config.most_waiting"),
        *("config.softmax_devices", "device.count", "device.names", "device.hosts"),
    }
)

# The fields of a model: two sides may differ in these because they were asked for two models. They must still do
# equally many items of one unit with one batch. Other numbers of layers need another partition.
MODEL = frozenset(
    {
        *("config.model.name", "config.model.layers", "config.layers", "config.hidden", "config.vocab"),
        *("config.source_vocab", "config.heads", "config.sequence_length", "config.partition"),
    }
)

# What a study varies on purpose, by the name of --by. VARIES has the field alone, VARIED also what follows from it.
VARIES = {"schedule": "config.schedule", "gpus": "device.count"}
VARIED: dict[str, frozenset[str]] = {
    "schedule": frozenset(
        {
            *("config.schedule", "config.microbatches", "config.chunks", "config.cell"),
            *("config.most_alive", "config.most_waiting"),
        }
    ),
    "gpus": frozenset({"device.count", "config.partition"}),
}

DRIFT = (
    "config.model.sha256",
    "config.input.sha256",
    "config.input.count_rule",
    "config.steps",
    "config.warmup",
    "config.seed",
    "config.emulation_order",
    "config.partition_rule",
    "config.optimizer.learning_rate",
    "baseline.kind",
    "baseline.microbatches",
)
PARTITION, COUNTS = "config.partition", "layers by device"
_LONG = 200


def _names(names: list[str]) -> str:
    """``A`` if all devices have one name, else ``4 x A, 4 x B``; their number is a field of its own."""
    counts = Counter(names)
    if len(counts) == 1:
        return names[0]
    return ", ".join(f"{count} x {name}" for name, count in sorted(counts.items()))


def _hosts(record: RunRecord) -> str | None:
    """How many ranks each host has, without their names; ``None`` where one launcher started all on one machine."""
    names = [rank.host for rank in record.device.ranks]
    counts = [len(list(ranks)) for _, ranks in groupby(names)]
    hosts = counted(len(set(names)), "host")
    return f"{hosts}, {' + '.join(map(str, counts))} ranks" if names else None


def _partition(record: RunRecord) -> str | None:
    """The rule where the partition is measured anew each time, else the partition."""
    return "balanced" if record.config.partition_rule == "balanced" else _counts(record)


def _optimizer(record: RunRecord) -> str:
    """The part of the optimizer that costs time; the learning rate does not."""
    optimizer = record.config.optimizer
    momentum = "" if optimizer.momentum is None else f", momentum {optimizer.momentum:g}"
    return f"{optimizer.name}{momentum}, clipping {optimizer.clipping}"


def _model(record: RunRecord) -> str | None:
    return record.config.model.name if record.config.model else BEFORE["config.model.name"]


def _layers(record: RunRecord) -> str | None:
    """All layers by name and parameters, in order; a long text is cut, and has a hash of the whole."""
    if record.config.model is None:
        return None
    layers = record.config.model.layers
    text = ", ".join(f"{layer.name} {layer.parameters}" for layer in layers)
    if len(text) <= _LONG:
        return text
    total, digest = sum(layer.parameters for layer in layers), hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"{len(layers)} layers, {total} parameters, sha256 {digest}: {text[: _LONG // 2]}..."


def _baseline(record: RunRecord) -> str | None:
    """What a speed-up is relative to, in words."""
    baseline = record.baseline
    if baseline is None:
        return None
    if baseline.devices == 1 and baseline.kind != "naive":
        return BEFORE[BASELINE]
    return (
        f"{'the naive schedule' if baseline.kind == 'naive' else baseline.kind} on {baseline.devices} devices"
    )


def _unit(record: RunRecord) -> str | None:
    return record.config.input.unit if record.config.input else None


def _items(record: RunRecord) -> float | None:
    return record.config.input.items if record.config.input else None


def _counts(record: RunRecord) -> str | None:
    partition = record.config.partition
    return None if partition is None else ",".join(map(str, partition))


COMPUTED: dict[str, Callable[[RunRecord], str | float | None]] = {
    "config.model.name": _model,
    "config.model.layers": _layers,
    UNIT: _unit,
    ITEMS: _items,
    BASELINE: _baseline,
    COUNTS: _counts,
    "device.names": lambda record: _names(record.device.names),
    "device.hosts": _hosts,
    PARTITION: _partition,
    "config.optimizer": _optimizer,
}
