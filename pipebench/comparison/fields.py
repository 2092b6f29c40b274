"""What two records must have in common to be compared, and what may drift but should be known.

Fields are named by their place in the record. A hard field that differs makes the pair incomparable, unless the user
lets it pass by name; the clock cannot be let pass, since virtual and wall seconds are no seconds of one kind, nor can
what a speed-up is relative to.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from itertools import groupby
from math import isclose

from pipebench.comparison import command_fields, trace_fields
from pipebench.errors import UsageError
from pipebench.records.command import CommandRecord, Comparable
from pipebench.records.comparison import Difference
from pipebench.records.run import RunRecord
from pipebench.records.trace import TraceRecord

CLOCK, BASELINE = "clock", "baseline.devices"
NEVER_PASS = frozenset({CLOCK, BASELINE}) | command_fields.NEVER_PASS

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
    "config.input.unit",
    "config.input.items_per_step",
    BASELINE,
)

# What every record was before these were fields: in a key it is not told, so that keys of before stay what they were.
_BEFORE: Mapping[str, str | None] = {
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
    "config.input.unit": "words",
    BASELINE: "one device",
}
_ITEMS, _OLD_ITEMS = "config.input.items_per_step", "config.input.words_per_step"

# What a plan is: two sides may differ in it because they were asked to, and still do the same work.
PLAN = frozenset(
    {
        *("config.schedule", "config.microbatches", "config.chunks", "config.checkpoint", "config.partition"),
        *("config.cell", "config.most_alive", "config.most_waiting"),
        *("config.softmax_devices", "device.count", "device.names", "device.hosts"),
    }
)

# What a model is: two sides may differ in it because they were asked for two, and must still do as many items of one
# unit with one batch. As many layers more are another partition.
MODEL = frozenset(
    {
        *("config.model.name", "config.model.layers", "config.layers", "config.hidden", "config.vocab"),
        *("config.source_vocab", "config.heads", "config.sequence_length", "config.partition"),
    }
)

# What a study varies on purpose, by the name of --by: the field itself, and that with what follows from it.
VARIES = {"schedule": "config.schedule", "gpus": "device.count"}
VARIED: dict[str, frozenset[str]] = {
    "schedule": frozenset({"config.schedule", "config.microbatches", "config.chunks", "config.cell"}),
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

# Numbers that are never quite the same: how far apart they may lie, relative and absolute.
_NUMBERS = {"machine.time_dilation": (0.05, 0.0), "environment.load_average_1min": (0.0, 1.0)}
_ALWAYS_TOLD = ("environment.torch", "environment.driver")
_PARTITION, _COUNTS = "config.partition", "layers by device"
_CLOCK_TOLERANCE = (0.02, 0.0)
_LONG = 200
_NAMED = (*HARD, *command_fields.NAMED, *trace_fields.NAMED)
_SHORT = {"machine": "machine.name", "words_per_step": _ITEMS, _OLD_ITEMS: _ITEMS}
_VOLATILE = (
    *("load_average_1min", "memory_available_bytes", "pinned_core", "temperature"),
    *("cpu_throttled_s", "cpu_stolen_s"),
)


def mismatches(reference: Comparable, candidate: Comparable, *, by: str | None = None) -> list[Difference]:
    """The hard fields that differ, those left out that are what is compared."""
    return mismatches_of(identity(reference), identity(candidate), by=by)


def identity(record: Comparable) -> Mapping[str, object]:
    """All that ``mismatches_of`` looks at, for whoever holds many records against each other and keeps none."""
    if isinstance(record, CommandRecord):
        return {name: value_of(record, name) for name in command_fields.HARD}
    if isinstance(record, TraceRecord):
        return {name: value_of(record, name) for name in trace_fields.HARD}
    return {name: value_of(record, name) for name in (*HARD, _COUNTS)}


def key_of(record: RunRecord) -> dict[str, str | None]:
    """The hard fields as text, by which records are kept; of a record that could have been made before, as it was."""
    words = _unit(record) in (None, _BEFORE["config.input.unit"])
    found = {name: text_of(value_of(record, name)) for name in HARD}
    return {
        _OLD_ITEMS if name == _ITEMS and words else name: value
        for name, value in found.items()
        if name not in _BEFORE or value not in (None, _BEFORE[name])
    }


def mismatches_of(
    reference: Mapping[str, object], candidate: Mapping[str, object], *, by: str | None = None
) -> list[Difference]:
    """As ``mismatches``, of two identities."""
    passing = set(VARIED[by] if by else ())
    if reference.get(_COUNTS) == candidate.get(_COUNTS):  # whichever rule made them
        passing.add(_PARTITION)
    if None in (reference.get(BASELINE), candidate.get(BASELINE)):  # a run that ended before it had one
        passing.add(BASELINE)
    passing |= {name for name in command_fields.MACHINE if None in (reference.get(name), candidate.get(name))}
    names = [name for name in {**reference, **candidate} if name not in {_COUNTS, *passing}]
    values = ((name, reference.get(name), candidate.get(name)) for name in names)
    return [Difference(name, text_of(one), text_of(other)) for name, one, other in values if one != other]


def drift(reference: Comparable, candidate: Comparable) -> list[Difference]:
    """What else differs and may matter; what one side does not tell is no difference, but for torch and the driver."""
    keys = [
        key
        for key in {**candidate.environment, **reference.environment}
        if not any(word in key for word in _VOLATILE)
    ]
    if isinstance(reference, CommandRecord):
        keys = [key for key in keys if f"environment.{key}" not in command_fields.MACHINE]
    clocks = {f"environment.{key}": _CLOCK_TOLERANCE for key in keys if "clock_hz" in key}
    surroundings = [name for key in keys if (name := f"environment.{key}") not in clocks]
    found = _differences([*_drifting(reference), *surroundings], reference, candidate)
    known = [
        each
        for each in found
        if (each.reference is not None and each.candidate is not None) or each.field in _ALWAYS_TOLD
    ]
    if _is_measured_alike(reference, candidate):  # which finds another one each time
        known += _differences([_COUNTS], reference, candidate)
    return [*known, *_far_apart(_NUMBERS | clocks, reference, candidate)]


def _drifting(record: Comparable) -> tuple[str, ...]:
    """The fields of its kind, beside the environment."""
    if isinstance(record, CommandRecord):
        return command_fields.DRIFT
    return trace_fields.DRIFT if isinstance(record, TraceRecord) else DRIFT


def named_field(name: str) -> str:
    """The hard field that a user means by its whole name or the end of it.

    Raises:
        UsageError: There is none, or several.
    """
    found = [each for each in _NAMED if each == name or each.endswith(f".{name}")]
    found = [_SHORT[name]] if name in _SHORT else found
    if len(found) > 1:  # a run's, which stands for that of a recorded run as well
        found = [each for each in found if each not in trace_fields.NAMED]
    if len(found) != 1:
        raise UsageError(
            f"--allow-mismatch {name!r}: expected one of {', '.join(f for f in _NAMED if f not in NEVER_PASS)}"
        )
    return found[0]


def split_allowed(
    found: Collection[Difference], allowed: Collection[str]
) -> tuple[list[Difference], list[Difference]]:
    """The mismatches that stand, and those that the user lets pass; some always stand."""
    passing = set(allowed) - NEVER_PASS
    passing |= {own for name, own in trace_fields.AS_OF_A_RUN.items() if name in passing}
    return [each for each in found if each.field not in passing], [
        each for each in found if each.field in passing
    ]


def _differences(names: Collection[str], reference: Comparable, candidate: Comparable) -> list[Difference]:
    values = ((name, value_of(reference, name), value_of(candidate, name)) for name in names)
    return [Difference(name, text_of(one), text_of(other)) for name, one, other in values if one != other]


def _far_apart(
    tolerances: Mapping[str, tuple[float, float]], reference: Comparable, candidate: Comparable
) -> list[Difference]:
    found = []
    for name, (relative, absolute) in tolerances.items():
        one, other = _number(value_of(reference, name)), _number(value_of(candidate, name))
        if (
            one is not None
            and other is not None
            and not isclose(one, other, rel_tol=relative, abs_tol=absolute)
        ):
            found.append(Difference(name, text_of(one), text_of(other)))
    return found


def _number(value: object) -> float | None:
    """A number that is one; an environment may hold anything."""
    return float(value) if isinstance(value, float | int) and abs(value) < 2**63 else None


def value_of(record: Comparable, name: str) -> object:
    """The value of a field by its place in the record; ``None`` where there is none."""
    if isinstance(record, RunRecord) and name in _COMPUTED:
        return _COMPUTED[name](record)
    if isinstance(record, CommandRecord) and name in command_fields.COMPUTED:
        return command_fields.COMPUTED[name](record)
    if isinstance(record, TraceRecord) and name in trace_fields.COMPUTED:
        return trace_fields.COMPUTED[name](record)
    if name.startswith("environment."):
        return record.environment.get(name.removeprefix("environment."))
    value: object = record
    for part in name.split("."):
        value = getattr(value, part, None)
    return value


def _names(names: list[str]) -> str:
    """``A`` if all devices are one, ``4 x A, 4 x B`` if not: their number is a field of its own."""
    counts = Counter(names)
    if len(counts) == 1:
        return names[0]
    return ", ".join(f"{count} x {name}" for name, count in sorted(counts.items()))


def _hosts(record: RunRecord) -> str | None:
    """How ranks go onto hosts, whatever these are called; ``None`` where one launcher started all on one machine."""
    names = [rank.host for rank in record.device.ranks]
    counts = [len(list(ranks)) for _, ranks in groupby(names)]
    many = len(set(names))
    return f"{many} host{'' if many == 1 else 's'}, {' + '.join(map(str, counts))} ranks" if names else None


def _is_measured_alike(reference: Comparable, candidate: Comparable) -> bool:
    """Whether two runs have one partition, or the same rule that measures it anew."""
    runs = isinstance(reference, RunRecord) and isinstance(candidate, RunRecord)
    return runs and value_of(reference, _PARTITION) == value_of(candidate, _PARTITION)


def _partition(record: RunRecord) -> str | None:
    """The rule where the partition is measured anew each time, else the partition."""
    return "balanced" if record.config.partition_rule == "balanced" else _counts(record)


def _optimizer(record: RunRecord) -> str:
    """What of the optimizer costs time; the learning rate does not."""
    optimizer = record.config.optimizer
    momentum = "" if optimizer.momentum is None else f", momentum {optimizer.momentum:g}"
    return f"{optimizer.name}{momentum}, clipping {optimizer.clipping}"


def _model(record: RunRecord) -> str | None:
    return record.config.model.name if record.config.model else _BEFORE["config.model.name"]


def _layers(record: RunRecord) -> str | None:
    """All layers by name and parameters, in order; of many the beginning and a hash of all."""
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
        return _BEFORE[BASELINE]
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


_COMPUTED: dict[str, Callable[[RunRecord], str | float | None]] = {
    "config.model.name": _model,
    "config.model.layers": _layers,
    "config.input.unit": _unit,
    _ITEMS: _items,
    BASELINE: _baseline,
    _COUNTS: _counts,
    "device.names": lambda record: _names(record.device.names),
    "device.hosts": _hosts,
    _PARTITION: _partition,
    "config.optimizer": _optimizer,
}


def text_of(value: object) -> str | None:
    """A field's value as it is shown and stored."""
    if value is None:
        return None
    return f"{value:.6g}" if isinstance(value, float) else str(value)
