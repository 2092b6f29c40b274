"""How to go on where fields differ that must not: what to measure again with, and what lets them differ."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pipebench.comparison import command_fields, fields, run_fields, trace_fields
from pipebench.errors import UsageError
from pipebench.models.registry import DEFAULT_MODEL, MODELS
from pipebench.records.comparison import Difference
from pipebench.system import pasting

# The options of ``run`` that give a field the value that a record has of it.
_OPTIONS: Mapping[str, str] = {
    "device.kind": "--device",
    "device.count": "--gpus",
    "machine.name": "--machine",
    **{
        f"config.{name}": f"--{name.replace('_', '-')}"
        for name in (
            *("layers", "hidden", "vocab", "source_vocab", "heads", "batch", "sequence_length", "dtype"),
            *("schedule", "microbatches", "chunks", "partition", "softmax_devices", "checkpoint", "cell"),
            *("most_alive", "most_waiting", "tokens"),
        )
    },
}
# Fields that no option gives, each with a word for what must be the same as on side A.
_IN_A_WORD: Mapping[str, str] = {
    "config.model.layers": "model",
    "config.optimizer": "optimizer",
    run_fields.UNIT: "input",
    run_fields.ITEMS: "input",
    "device.names": "machine",
    "device.hosts": "hosts",
    **dict.fromkeys(command_fields.MACHINE, "machine"),
    **dict.fromkeys(trace_fields.NAMED, "plan"),
}
_NAME, _LAYERS, _BUCKET = "config.model.name", "config.model.layers", "config.bucket"
_SIZES = run_fields.MODEL - {
    run_fields.PARTITION,
    _LAYERS,
}  # which a model of the user's own does not get by options
# Without these in common, figures say nothing of each other.
_NO_SENSE = fields.NEVER_PASS | {"schema.version", run_fields.UNIT}


class GoingOn(NamedTuple):
    """What the candidate may be measured again with to be like the reference, and the options that let it differ.

    ``options`` are those of ``run``, ``without`` the ones to leave out, ``words`` what no option gives. ``allowing`` is
    empty where something differs that makes a comparison senseless; ``never`` is what no option lets differ.
    """

    options: str
    without: str
    words: tuple[str, ...]
    allowing: str
    never: tuple[str, ...]


def going_on(standing: Sequence[Difference], model: str | None = None) -> GoingOn:
    """How to go on from what differs.

    Args:
        standing: the fields that must not differ.
        model: the name of the candidate's model, if its record has one.
    """
    differing = {each.field: each.reference for each in standing}
    own = differing.get(_NAME, model or DEFAULT_MODEL) not in _MODELS
    known = {name: value for name, value in differing.items() if not (own and name in _SIZES)}
    options = [word for name, value in known.items() for word in _option(name, value)]
    told = [name for name in differing if name in _IN_A_WORD and (own or name != _LAYERS)]
    words = [*(["model"] if own and _NAME in differing else []), *(_IN_A_WORD[name] for name in told)]
    passing = [] if _NO_SENSE & set(differing) else [short_name(name) for name in differing]
    return GoingOn(
        " ".join(map(pasting.quoted, options)),
        " ".join(option for name, value in known.items() for option in _left_out(name, value)),
        tuple(dict.fromkeys(words)),
        " ".join(f"--allow-mismatch {name}" for name in passing),
        tuple(name for name in differing if name in fields.NEVER_PASS),
    )


def short_name(field: str) -> str:
    """The shortest name by which ``--allow-mismatch`` knows a field."""
    return next((name for name in _ends(field.split(".")) if _means(name, field)), field)


def _ends(parts: Sequence[str]) -> Iterator[str]:
    """The last part, the last two, and so on."""
    return (".".join(parts[-count:]) for count in range(1, len(parts) + 1))


def _means(name: str, field: str) -> bool:
    try:
        return fields.named_field(name) == field
    except UsageError:
        return False


_FIRST = run_fields.BEFORE[_NAME]  # what the default model is called in records
_MODELS = {_FIRST, *MODELS}


def _option(field: str, value: str | None) -> list[str]:
    """An option with the reference's value."""
    if value is None:
        return []
    if field == _NAME:
        return ["--model", DEFAULT_MODEL if value == _FIRST else value]
    if field == _BUCKET:
        return ["--no-bucket"] if value == "False" else []
    return pasting.option(_OPTIONS[field], value) if field in _OPTIONS else []


def _left_out(field: str, value: str | None) -> list[str]:
    """The option that the reference does without."""
    if field == _BUCKET:
        return ["--no-bucket"] if value == "True" else []
    return [_OPTIONS[field]] if value is None and field in _OPTIONS else []
