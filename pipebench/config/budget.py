"""What a run will take, before it runs: seconds from an assumed rate, bytes from the sizes. Pure."""

import msgspec

from pipebench.config.run_config import MOST_DEADLINE_S, RunConfig
from pipebench.errors import EnvironmentRefusedError
from pipebench.models.outline import BATCHES, MemoryBytes, Outline, whole, whole_memory
from pipebench.plan.cells import units_in
from pipebench.plan.checkpoints import Kept, peak_saved
from pipebench.plan.in_flight import most_in_flight
from pipebench.plan.schedules import SCHEDULES

ASSUMED_FLOPS_PER_S = 85e9  # one CPU core on an LSTM in float32; two kinds of server core did 85 and 99e9
ASSUMED_GPU_FLOPS_PER_S = 1e12  # a small share of any GPU's peak: LSTM steps are short kernels in a row
_START_S = 3.0  # a fresh interpreter that imports torch
_RACE_STEPS = 10
_VERIFICATION_STEPS = 2
_LAYER_STEPS = 3
_LEAST_DEADLINE_S = 600.0
_PROCESS_BYTES = 500 * 2**20  # an interpreter with torch loaded
_GPU_PROCESS_BYTES = 2 * 2**30  # and with CUDA's libraries
_PARENT_BYTES = 150 * 2**20  # this process, while it reads a text
# For each action of a plan that is checked, simulated and kept with its times: 1200 as a report, 2000 as JSON, and a
# fifth more where a shared softmax has more messages (measured with a million actions).
_ACTION_BYTES = 2400
ROOM = 1.5  # times what a single device's step takes: a free stretch that it certainly fits in
_COUNTS = (2, 4, 8, 16)  # microbatches of the baseline
_TARGET_BYTES = 64  # of a position in the batches while they are made


def launch_s(config: RunConfig) -> float:
    """Assumed seconds of one launch."""
    draw_s = config.described.draw_s if config.described is not None else 0.0
    return _START_S + draw_s + 2 * (config.warmup + config.steps) * step_s(config)


def step_s(config: RunConfig) -> float:
    """Assumed seconds of one training step on the host."""
    return config.outline.step_s(whole(config.outline), assumed_flops_per_s(config))


def assumed_flops_per_s(config: RunConfig) -> float:
    """The speed that a device of this kind is assumed to have, for an estimate of the time."""
    return ASSUMED_GPU_FLOPS_PER_S if config.kind.has_gpu else ASSUMED_FLOPS_PER_S


def run_s(config: RunConfig) -> float:
    """Assumed seconds of the whole run."""
    once = (_RACE_STEPS + _VERIFICATION_STEPS) * step_s(config)
    if config.partition is None:
        once += _START_S + _LAYER_STEPS * step_s(config)
    return once + config.launches * launch_s(config)


def deadline_s(config: RunConfig) -> float:
    """The deadline: as given, else 10 times the estimate, at least 600 s and at most a year."""
    return config.deadline_s or min(max(10 * run_s(config), _LEAST_DEADLINE_S), MOST_DEADLINE_S)


def device_memory(config: RunConfig, partition: tuple[int, ...]) -> list[MemoryBytes]:
    """Computed bytes of each device; of split cells, copies of weights count as saved tensors."""
    config = msgspec.structs.replace(config, partition=partition)
    graph, outline, layout = config.graph, config.outline, config.layout
    split = _split_bytes(config)
    kept = []
    for stage, part in enumerate(layout.parts):
        slices = graph.microbatches * len(graph.chunks_of(stage))
        sizes = (outline.saved_bytes, outline.input_bytes, outline.past_bytes)
        kept.append(Kept(*(0 if split[stage] else size(part, slices) for size in sizes)))
    found = []
    for device, program in enumerate(config.plan.programs):
        units = list(units_in(graph, program))
        peak = peak_saved(units, kept, checkpoint=config.checkpoint, microbatches=config.microbatches)
        for stage, number in most_in_flight(units).items():
            part = layout.parts[stage]
            whole = part.rows is not None  # a shard has room for all of a step at once
            peak += split[stage] * (graph.microbatches if whole else number)
            peak += outline.split_weight_bytes(part) if split[stage] else 0
        standing = [outline.memory(part, 0) for part in layout.parts_on(device)]
        sums = MemoryBytes(*(sum(sizes) for sizes in zip(*standing, strict=True)))
        found.append(sums._replace(saved_tensors=peak))
    return found


def _split_bytes(config: RunConfig) -> list[int]:
    """Bytes that the split cell of each stage keeps of a microbatch in flight; 0 where there is none."""
    parts = config.layout.parts
    if config.cell != "split":
        return [0] * len(parts)
    return [config.outline.split_bytes(part, config.microbatches) or 0 for part in parts]


def host_bytes(config: RunConfig) -> int:
    """Computed bytes of one launch on this machine: its processes, and the pipeline or the baseline in them.

    With GPUs the models are in their memory, see ``devices``.
    """
    here = range(config.ranks) if config.here is None else config.here
    ours = (
        (1 + len(here)) * actions(config) * _ACTION_BYTES
        + _PARENT_BYTES
        + BATCHES * config.outline.positions * _TARGET_BYTES
    )
    if config.kind.has_gpu:
        return ours + len(here) * _GPU_PROCESS_BYTES
    of_all = device_memory(config, config.planned_partition)
    devices = range(len(of_all)) if config.here is None else here
    pipeline = sum(of_all[device].total for device in devices if device < len(of_all))
    alone = whole_memory(config.outline)
    standing = 2 * (alone.parameters + alone.gradients)
    single = alone.total if config.single_bytes is None else min(alone.total, config.single_bytes)
    return ours + len(here) * _PROCESS_BYTES + standing + max(pipeline, int(ROOM * single))


def actions(config: RunConfig) -> int:
    """How many actions the plan has: forwards and backwards, or their halves."""
    return (
        (3 if SCHEDULES[config.schedule].splits_backward else 2)
        * config.stages
        * config.microbatches
        * config.outline.segments
        * config.chunks
    )


def check_actions(number: int, available_bytes: int | None) -> None:
    """Refuse a plan that would not fit; that is known before there is one.

    Raises:
        EnvironmentRefusedError: The computed need exceeds what is available.
    """
    needed = number * _ACTION_BYTES
    if available_bytes is not None and needed > available_bytes:
        raise EnvironmentRefusedError(
            f"would not fit in memory: {needed / 2**30:.1f} GiB needed for {number:,} actions of the plan (computed), "
            f"{available_bytes / 2**30:.1f} GiB available; use fewer devices, --microbatches or --chunks"
        )


def check_memory(config: RunConfig, available_bytes: int | None, *, limited: bool = False) -> None:
    """Refuse a run that would not fit.

    Args:
        config: the configuration of the run.
        available_bytes: what is available on this machine, ``None`` if unknown.
        limited: whether that is what a container's limit leaves.

    Raises:
        EnvironmentRefusedError: The computed need exceeds what is available.
    """
    check_actions((1 + config.ranks) * actions(config), available_bytes)  # before the plan is made
    needed = host_bytes(config)
    if available_bytes is None or needed <= available_bytes:
        return
    left = (
        f"the container's limit leaves {available_bytes / 2**30:.1f} GiB"
        if limited
        else (f"{available_bytes / 2**30:.1f} GiB available")
    )
    raise EnvironmentRefusedError(
        f"would not fit in memory: {needed / 2**30:.1f} GiB needed (computed), {left}; "
        f"{_smaller(config, available_bytes, limited=limited)}"
    )


def _smaller(config: RunConfig, available_bytes: int, *, limited: bool) -> str:
    """What would let it fit."""
    more = "raise that limit" if limited else "end other programs"
    process_bytes = _GPU_PROCESS_BYTES if config.kind.has_gpu else _PROCESS_BYTES
    if config.ranks * process_bytes + _PARENT_BYTES <= available_bytes:
        return f"use a smaller {smaller_sizes(config)}, or {more}"
    return f"{more}, or use fewer devices" if config.ranks > 1 else more


def smaller_sizes(config: RunConfig) -> str:
    """The options whose smaller value takes less memory, in words."""
    names = [name for name in ("batch", "hidden", "vocab") if getattr(config, name) is not None]
    *most, last = (f"--{name}" for name in names)
    return f"{', '.join(most)} or {last}" if most else last


def baseline_counts(outline: Outline) -> list[int]:
    """Microbatches that a single device may take the batch in: those that divide it."""
    return [count for count in (1, *_COUNTS) if outline.batch % count == 0]
