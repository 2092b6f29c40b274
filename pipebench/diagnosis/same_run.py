"""The command that starts a recorded run again, with something changed. Pure.

Only what differs from the defaults is in it. A record has only the name of the user's own layers, not their place, and
it does not say what started the ranks of several machines. For such runs, only what to change is told.
"""

from collections.abc import Mapping

from pipebench.config.run_config import DEFAULT_MACHINE, EMULATION_ORDERS
from pipebench.models.registry import DEFAULT_MODEL, MODELS
from pipebench.plan.schedules import SCHEDULES
from pipebench.records.config import Config
from pipebench.records.run import RunRecord
from pipebench.system import pasting

_SIZES = ("layers", "hidden", "heads", "vocab", "source_vocab", "batch", "sequence_length")
_DEFAULTS: Mapping[str, object] = {
    "dtype": "float32",
    "schedule": "gpipe",
    "checkpoint": "none",
    "softmax_devices": None,
    "most_alive": None,
    "most_waiting": None,
    "text": None,
    "tokens": "words",
    "source": None,
    "target": None,
    "pairs": None,
    "seed": 0,
    "steps": 2,
    "warmup": 1,
    "launches": 6,
    "emulation_order": EMULATION_ORDERS[0],
}


def command(record: RunRecord, changes: Mapping[str, object]) -> str | None:
    """The command line; ``None`` if the record does not say how to start the run again.

    Args:
        record: the record of the run.
        changes: options of ``run`` by name, in the place of the recorded ones; ``True`` for one without a
            value, ``False`` to leave one out.
    """
    config = record.config
    model = config.model.name if config.model is not None else DEFAULT_MODEL
    if model not in MODELS or record.device.ranks:
        return None
    options = {
        **_asked(record, model),
        **{name.replace("-", "_"): value for name, value in changes.items()},
    }
    words = ["run"]
    for name, value in options.items():
        if value is False or (name not in changes and name in _DEFAULTS and value == _DEFAULTS[name]):
            continue
        option = f"--{name.replace('_', '-')}"
        words += [option] if value is True else pasting.option(option, str(value))
    return pasting.command(*words)


def change_text(changes: Mapping[str, object]) -> str:
    """The changed options alone, such as ``--microbatches 32``."""
    return " ".join(
        f"--{name.replace('_', '-')}" + ("" if value is True else f" {value}")
        for name, value in changes.items()
    )


def _asked(record: RunRecord, model: str) -> dict[str, object]:
    """The recorded options that are not the defaults."""
    config = record.config
    found: dict[str, object] = {"gpus": config.gpus, "device": record.device.kind}
    if model != DEFAULT_MODEL:
        found["model"] = model
    if record.machine is not None and record.machine.name != DEFAULT_MACHINE:
        found["machine"] = record.machine.name
    found |= _sizes(config, model)
    found |= {
        name: value for name, default in _DEFAULTS.items() if (value := getattr(config, name)) != default
    }
    if record.device.kind.is_real:
        found.pop("emulation_order", None)
    found["microbatches"] = config.microbatches
    schedule = SCHEDULES.get(config.schedule)
    if schedule is None or config.chunks != schedule.chunks:
        found["chunks"] = config.chunks
    if config.cell == "split" and not (schedule is not None and schedule.splits_backward):
        found["cell"] = config.cell
    if config.memory_bytes is not None:
        found["memory"] = f"{config.memory_bytes}B"
    if config.partition_rule != "even":
        rule = config.partition_rule
        found["partition"] = rule if rule == "balanced" else ",".join(map(str, config.partition or ()))
    if config.synthetic:
        found["synthetic"] = True
    if config.bucket is False:
        found["no_bucket"] = True
    return found


def _sizes(config: Config, model: str) -> dict[str, object]:
    """The preset, and the sizes that are not its own."""
    presets = MODELS[model].presets
    first = next(iter(presets))
    preset = config.preset if config.preset is not None and config.preset in presets else first
    own = presets[preset]
    found: dict[str, object] = {} if preset == first else {"preset": preset}
    for name in _SIZES:
        value = getattr(config, name)
        if value is not None and value != own.get(name):
            found[name] = value
    return found
