"""What the devices of a run are: settles ``auto``, and refuses GPUs that are not there or too small. Pure."""

import sys
from collections.abc import Sequence

import msgspec

from pipebench import budget
from pipebench.config import RunConfig
from pipebench.errors import EnvironmentRefusedError
from pipebench.telemetry.environment import memory_available_bytes
from pipebench.telemetry.gpus import Gpu, gpus


def settled(config: RunConfig) -> tuple[RunConfig, str | None]:
    """The configuration with a kind of device that this machine has, and a line on what ``auto`` became.

    Raises:
        EnvironmentRefusedError: This system cannot run, has too few GPUs, or too little memory.
    """
    if sys.platform == "win32":
        raise EnvironmentRefusedError("run needs Linux or macOS: on Windows use simulate, show and list")
    found = gpus() if config.device in ("auto", "cuda") else []
    line = None
    if config.device == "auto":
        config, line = _choose(config, len(found))
    if config.device == "cuda":
        _require(config.gpus, len(found))
        _check_gpu_memory(config, found)
    budget.check_memory(config, memory_available_bytes())
    return config, line


def _choose(config: RunConfig, found: int) -> tuple[RunConfig, str]:
    kind = "cuda" if found >= config.gpus else "emulated"
    there = "no GPU" if found == 0 else "1 GPU" if found == 1 else f"{found} GPUs"
    line = f"device: {kind} (auto: {there} visible, {config.gpus} asked for)"
    return msgspec.structs.replace(config, device=kind), line


def _require(needed: int, found: int) -> None:
    if found >= needed:
        return
    what = f"found {found}" if found else "found none (no NVIDIA driver, no GPU, or none visible)"
    raise EnvironmentRefusedError(
        f"--device cuda: expected {needed} visible GPUs, {what}; "
        f"use --device emulated to emulate {needed} devices on this CPU"
    )


def _check_gpu_memory(config: RunConfig, found: Sequence[Gpu]) -> None:
    """Each GPU holds its stage; the one of median speed, which may be any, the baseline too."""
    baseline = config.workload.whole_memory.total
    stages = budget.device_memory(config, budget.planned_partition(config))
    for number, (gpu, stage) in enumerate(zip(found, stages, strict=False)):
        needed = stage.total + baseline
        if gpu.free_bytes is not None and needed > gpu.free_bytes:
            busy = f", {len(gpu.processes)} other processes on it" if gpu.processes else ""
            raise EnvironmentRefusedError(
                f"would not fit on GPU {number} ({gpu.name}): {needed / 2**30:.1f} GiB needed (computed), "
                f"{gpu.free_bytes / 2**30:.1f} GiB free{busy}; use a smaller --batch, --hidden or --vocab"
            )
