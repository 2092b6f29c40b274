"""What fits on a device of a given memory: the pipeline's stages, the whole model, or only a part of it. Pure.

the whole model, in some form           the baseline is a single device
only a part                             the baseline is the naive schedule on the fewest devices that it fits on
not even one stage of the pipeline      the run is refused
"""

from collections.abc import Sequence

import msgspec

from pipebench.config import budget
from pipebench.config.run_config import RunConfig
from pipebench.errors import EnvironmentRefusedError
from pipebench.models.layout import stage_slices
from pipebench.models.outline import MemoryBytes, Outline, Slice, whole
from pipebench.models.partition import balanced, check_balanced
from pipebench.plan.schedules import SCHEDULES


def fitted(config: RunConfig) -> tuple[RunConfig, str | None]:
    """The run with the baseline that fits on its devices, and a line where that is not a single one.

    Raises:
        EnvironmentRefusedError: A stage of the pipeline does not fit, or the naive schedule never fits.
    """
    memory_bytes = config.memory_bytes
    if memory_bytes is None:
        return config, None
    _check_devices(config, memory_bytes)
    least = least_memory(config.outline)
    if least.total <= memory_bytes:
        return config, None
    alone = naive_partition(config, memory_bytes)
    config = msgspec.structs.replace(config, baseline_partition=alone)
    return config, (
        f"the model does not fit on one device ({_size(least.total)} needed, --memory {_size(memory_bytes)}): the "
        f"baseline is the naive schedule on {len(alone)} devices, the speed-up is relative to {len(alone)} devices"
    )


def on_this_machine(config: RunConfig, available_bytes: int | None) -> tuple[RunConfig, str | None]:
    """The run with a baseline that fits in this machine's memory, and a line where not all forms do.

    All emulated devices, and all ranks on CPU cores, share that memory: several devices have no more than one.
    """
    if config.kind.has_gpu or available_bytes is None or budget.host_bytes(config) <= available_bytes:
        return config, None
    beside = budget.host_bytes(msgspec.structs.replace(config, single_bytes=0))
    limited = msgspec.structs.replace(config, single_bytes=0)
    for count in reversed(budget.baseline_counts(config.outline)):
        room = _with_microbatches(config.outline, count).total
        tried = msgspec.structs.replace(config, single_bytes=room)
        if budget.host_bytes(tried) > available_bytes:
            break
        limited = tried
    if beside > available_bytes or not limited.single_bytes:
        return config, None
    return limited, (
        "the whole batch at once does not fit in this machine's memory: the baseline takes it in microbatches that do"
    )


def forms_that_fit(outline: Outline, counts: Sequence[int], memory_bytes: int | None) -> list[int]:
    """Of these numbers of microbatches, those with which a single device can train the whole model."""
    if memory_bytes is None:
        return list(counts)
    return [count for count in counts if _with_microbatches(outline, count).total <= memory_bytes]


def least_memory(outline: Outline) -> MemoryBytes:
    """The memory of a single device that trains the whole model, in as many microbatches as the baseline may have."""
    return _with_microbatches(outline, max(budget.baseline_counts(outline)))


def _with_microbatches(outline: Outline, count: int) -> MemoryBytes:
    return outline.memory(whole(outline), outline.saved_bytes(whole(outline), count))


def naive_partition(config: RunConfig, memory_bytes: int) -> tuple[int, ...]:
    """The partition on the fewest devices, by memory, with which the naive schedule fits.

    Raises:
        EnvironmentRefusedError: It fits on no number of devices.
    """
    outline, fullest = config.outline, 0
    for devices in range(2, config.gpus + 1):
        partition = by_memory(outline, devices)
        fullest = max(_on_naive(outline, part) for part in stage_slices(partition))
        if fullest <= memory_bytes:
            return partition
    raise EnvironmentRefusedError(
        f"nothing to compare with: on {config.gpus} devices the naive schedule, which takes the whole batch at once, "
        f"needs {_size(fullest)} on one, --memory is {_size(memory_bytes)}; use a smaller "
        f"{budget.smaller_sizes(config)}, or more devices"
    )


def by_memory(outline: Outline, devices: int) -> tuple[int, ...]:
    """The partition whose fullest device needs least memory."""
    row = outline.row
    check_balanced(row, devices)
    costs = [
        _on_naive(outline, Slice(layer, layer + 1, opens=False, closes=False)) for layer in range(row.layers)
    ]
    opening, head = (
        _on_naive(outline, Slice(0, 0, opens=opens, closes=not opens)) for opens in (True, False)
    )
    return balanced(row, costs, devices, opening=opening, head=head)


def _on_naive(outline: Outline, part: Slice) -> int:
    """Bytes of a device that holds a part and is given the whole batch at once."""
    return outline.memory(part, outline.saved_bytes(part, 1)).total


def _check_devices(config: RunConfig, memory_bytes: int) -> None:
    for number, needed in enumerate(budget.device_memory(config, config.planned_partition)):
        if needed.total > memory_bytes:
            text = config.layout.text(config.outline, number)
            raise EnvironmentRefusedError(
                f"would not fit: device {number} ({text}) needs {_size(needed.total)} (computed), --memory is "
                f"{_size(memory_bytes)}; use more devices{_less_memory(config)}"
            )


def _less_memory(config: RunConfig) -> str:
    """The options that let a device take less memory, in words behind ``more devices``."""
    schedule = SCHEDULES[config.schedule]
    if schedule.takes_costs:
        return ", or more --microbatches together with --most-alive"
    if schedule.splits_backward:
        return " or more --microbatches"
    return (
        ", or leave out --cell" if config.cell == "split" else ", more --microbatches or --checkpoint always"
    )


def _size(size: int) -> str:
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size / 1024:.1f} KiB"
