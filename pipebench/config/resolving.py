"""Options as given, resolved into sizes that fit each other. Pure.

``resolve`` is the only place that knows the defaults; everything behind it reads a ``RunConfig``.
"""

from typing import Literal, cast

import msgspec

from pipebench.config.choices import check_choices
from pipebench.config.limits import MOST, MOST_DEVICES, MOST_LAYERS, MOST_REPEATS, at_least
from pipebench.config.memory_sizes import bytes_of
from pipebench.config.run_config import (
    DEFAULT_MACHINE,
    RunConfig,
    RunOptions,
)
from pipebench.config.slicing import slices
from pipebench.config.softmax_devices import devices_beside, sharing_of
from pipebench.errors import UsageError
from pipebench.models import partition as partitions
from pipebench.models.kind import ModelKind
from pipebench.models.layout import Sharing
from pipebench.models.own.description import Description
from pipebench.models.registry import MODELS, kind_of
from pipebench.models.text.asked import RESERVED_WORDS, TokenRule
from pipebench.plan.schedules import SCHEDULES, schedule_named
from pipebench.timing.machines import check_machine

# Options that not every model takes: sizes and input.
MODEL_OPTIONS = (
    *("layers", "hidden", "heads", "vocab", "source_vocab", "sequence_length", "text", "source"),
    *("target", "pairs", "bucket", "tokens", "synthetic", "softmax_devices"),
)
_DEVICES = 8  # by default


def resolve(options: RunOptions, described: Description | None = None) -> RunConfig:
    """Fill in defaults and check every size.

    Args:
        options: the options as they were given.
        described: the user's own layers, if the model is made of such.

    Raises:
        UsageError: A value is out of range, unknown, or does not fit another one.
    """
    check_choices(options)
    kind = kind_of(options.model)
    preset = preset_of(options, kind)
    sizes = _sizes(options, kind, preset) if described is None else _described_sizes(described)
    time = sizes["sequence_length"] if described is None else described.time_length
    microbatches, chunks = slices(options, sizes["batch"], time, even=kind.even_chunks)
    beside = devices_beside(options.softmax_devices)
    gpus = min(_DEVICES, sizes["layers"]) + beside if options.gpus is None else options.gpus
    gpus = at_least("--gpus", gpus, 1, most=MOST_DEVICES)
    sharing = _sharing(options, gpus, sizes.get("vocab"))
    config = RunConfig(
        model=options.model,
        described=described,
        gpus=gpus,
        device=options.asked_kind,
        machine=check_machine(options.machine or DEFAULT_MACHINE),
        preset=preset,
        layers=sizes["layers"],
        hidden=sizes.get("hidden"),
        vocab=sizes.get("vocab"),
        batch=sizes["batch"],
        sequence_length=sizes.get("sequence_length"),
        dtype=options.dtype,
        schedule=options.schedule,
        microbatches=microbatches,
        chunks=chunks,
        partition=None,
        partition_rule=options.partition if options.partition in ("even", "balanced") else "explicit",
        checkpoint=options.checkpoint,
        text=options.text,
        tokens=cast("TokenRule", options.tokens),
        synthetic=options.synthetic,
        launches=_launches(options),
        steps=at_least("--steps", options.steps, 1, MOST_REPEATS),
        warmup=at_least("--warmup", options.warmup, 0, MOST_REPEATS),
        seed=at_least("--seed", options.seed, 0, 2**63 - 1),
        deadline_s=options.deadline_s,
        emulation_order=options.emulation_order,
        memory_bytes=None if options.memory is None else bytes_of(options.memory, "--memory"),
        softmax_devices=sharing,
        learning_rate=kind.learning_rate,
        clipping=kind.clipping,
        source_vocab=sizes.get("source_vocab"),
        heads=sizes.get("heads"),
        source=options.source,
        target=options.target,
        pairs=options.pairs,
        bucket=options.bucket if "bucket" in kind.options else None,
        cell=_cell(options),
        most_alive=_bound(options, "--most-alive", options.most_alive),
        most_waiting=_bound(options, "--most-waiting", options.most_waiting),
    )
    return msgspec.structs.replace(config, partition=_partition(options, config))


def _cell(options: RunOptions) -> Literal["fused", "split"]:
    """How backwards are computed: in halves where the schedule needs it, else whole unless asked otherwise."""
    needed = schedule_named(options.schedule).splits_backward
    if options.cell == "fused" and needed:
        raise UsageError(
            f"--cell fused: schedule {options.schedule} runs a backward in two halves: expected --cell split, or no "
            "--cell; autograd takes two passes for the halves: longer than one whole backward, and for a fused LSTM as "
            "long as two"
        )
    cell: Literal["fused", "split"] = "split" if needed or options.cell == "split" else "fused"
    if cell == "split" and options.checkpoint != "none":
        why = f"schedule {options.schedule} needs" if needed else "--cell split asks for"
        instead = "another --schedule" if needed else "no --cell"
        raise UsageError(
            f"--checkpoint {options.checkpoint}: {why} split cells, which keep what their backward needs in buffers of "
            f"their own: expected none; leave it out, or use {instead}"
        )
    return cell


def _bound(options: RunOptions, name: str, given: int | None) -> int | None:
    """A bound of what a schedule keeps or puts off; ``None`` if none was given."""
    if given is None:
        return None
    if not schedule_named(options.schedule).takes_costs:
        able = ", ".join(each.name for each in SCHEDULES.values() if each.takes_costs)
        raise UsageError(
            f"{name}: schedule {options.schedule} takes no such bound: leave it out, or use --schedule {able}"
        )
    return at_least(name, given, 1)


def _typed(name: str) -> str:
    """An option as it is typed."""
    return "--no-bucket" if name == "bucket" else f"--{name.replace('_', '-')}"


def preset_of(options: RunOptions, kind: ModelKind) -> str | None:
    """The preset that is asked for, or the model's first one; ``None`` where the model has none.

    Raises:
        UsageError: The model has no preset of this name, or an option was given that it does not take.
    """
    defaults = RunOptions()
    for name in MODEL_OPTIONS:
        if name not in kind.options and getattr(options, name) != getattr(defaults, name):
            raise UsageError(f"{_typed(name)}: --model {options.model} does not take it: leave it out")
    if options.preset is None:
        return next(iter(kind.presets), None)
    if options.preset not in kind.presets:
        known = (
            f"expected one of {', '.join(kind.presets)}"
            if kind.presets
            else "the model has none: leave it out"
        )
        others = [name for name, other in MODELS.items() if options.preset in other.presets]
        if others:
            known += f"; it is one of --model {others[0]}"
        raise UsageError(f"unknown --preset {options.preset!r}: {known}")
    return options.preset


def _sizes(options: RunOptions, kind: ModelKind, preset: str | None) -> dict[str, int]:
    assert preset is not None, "a built-in model has presets"
    result = {}
    for name, default in kind.presets[preset].items():
        given = getattr(options, name)
        least = RESERVED_WORDS + 1 if name in ("vocab", "source_vocab") else 1
        option = f"--{name.replace('_', '-')}"
        most = MOST_LAYERS if name == "layers" else MOST
        result[name] = default if given is None else at_least(option, given, least, most)
    return result


def _described_sizes(described: Description) -> dict[str, int]:
    return {"layers": len(described.layers), "batch": described.batch}


def batch_of(options: RunOptions, default: int) -> int:
    """The batch's size, of a model with this default."""
    return default if options.batch is None else at_least("--batch", options.batch, 1)


def _sharing(options: RunOptions, gpus: int, words: int | None) -> Sharing:
    """Who shares the softmax."""
    sharing = sharing_of(options.softmax_devices, gpus, "--gpus")
    shards = gpus if sharing == "all" else sharing or 1
    if words is not None and shards > words:
        raise UsageError(
            f"--softmax-devices {sharing}: {shards} devices for a vocabulary of {words} words: expected at most a "
            "device for each word; use fewer devices or a larger --vocab"
        )
    return sharing


def _partition(options: RunOptions, config: RunConfig) -> tuple[int, ...] | None:
    devices, beside = config.chain_devices, config.gpus - config.chain_devices
    if options.partition == "even":
        return partitions.even(config.row, devices, beside)
    if options.partition == "balanced":
        partitions.check_balanced(config.row, devices, beside)
        return None
    *before, last = partitions.counts(options.partition)
    if config.softmax_devices is not None and before and last == 0:
        raise UsageError(
            f"--partition {options.partition}: expected at least 1 layer on each device, got 0 on the last one: with "
            "--softmax-devices the softmax needs none to itself; leave the 0 out"
        )
    return partitions.explicit(options.partition, config.row, devices, beside)


def _launches(options: RunOptions) -> int:
    given = [
        name
        for name, value in (
            ("--launches", options.launches is not None),
            ("--quick", options.quick),
            ("--rigorous", options.rigorous),
        )
        if value
    ]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} exclude each other: leave one out")
    if options.launches is not None:
        return at_least("--launches", options.launches, 1, MOST_REPEATS)
    return 3 if options.quick else 12 if options.rigorous else 6
