"""What the devices of a run are: settles ``auto``, and refuses GPUs that are not there or too small. Pure."""

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

import msgspec

from pipebench.config import budget
from pipebench.config.fitting import fitted, on_this_machine
from pipebench.config.run_config import EMULATION_ORDERS, RunConfig
from pipebench.errors import EnvironmentRefusedError
from pipebench.plan.device_kind import DeviceKind
from pipebench.plurals import counted
from pipebench.telemetry.environment import memory_available_bytes, memory_is_limited
from pipebench.telemetry.gpus import Gpu, count_of_gpus, gpus, trouble

_ORDER = "PCI_BUS_ID"
_RESERVE_BYTES = 2 * 2**30


def settled(config: RunConfig, near: Mapping[int, int] | None = None) -> tuple[RunConfig, str | None]:
    """The configuration with a kind of device that this machine has, and a line on what ``auto`` became.

    Args:
        config: the configuration to settle.
        near: the ranks whose GPUs this process sees, each with its GPU's number, if torchrun or Slurm started them;
            ``None`` if this process starts all ranks.

    Raises:
        EnvironmentRefusedError: This system cannot run, has too few GPUs, or too little memory.
    """
    check_system("run")
    of_rank = {rank: rank for rank in range(config.gpus)} if near is None else near
    found = gpus() if config.device in (None, DeviceKind.CUDA) else []
    line = None
    if config.device is None:
        config, line = _choose(config, len(found), len(of_rank), alone=near is None)
    if config.kind.has_gpu:
        _require(len(of_rank), len(found), alone=near is None)
        _require_cuda_build()
        _check_gpu_memory(config, found, of_rank)
        line = "; ".join(filter(None, (line, _overruled_order()))) or None
    config, baseline = fitted(config)
    available_bytes = memory_available_bytes()
    budget.check_actions(
        (1 + config.ranks) * budget.actions(config), available_bytes
    )  # before there is a plan
    config, in_microbatches = on_this_machine(config, available_bytes)
    budget.check_memory(config, available_bytes, limited=memory_is_limited())
    return config, "; ".join(filter(None, (line, baseline, in_microbatches))) or None


def check_system(command: str) -> None:
    """Refuse to measure where neither signals can be held nor files locked.

    Raises:
        EnvironmentRefusedError: It is Windows.
    """
    if sys.platform == "win32":
        raise EnvironmentRefusedError(
            f"{command} needs Linux or macOS: on Windows use simulate, show, list, compare and check"
        )


def _choose(config: RunConfig, found: int, needed: int, *, alone: bool) -> tuple[RunConfig, str]:
    """Settle ``auto``. Ranks that a launcher started are never emulated; where there are GPUs, each should have one."""
    usable = _torch_has_cuda()
    kind = DeviceKind.CUDA if found >= needed and usable else DeviceKind.EMULATED
    if not alone and not kind.is_real:
        kind = DeviceKind.CUDA if found and usable else DeviceKind.CPU
    there = "no GPU" if found == 0 else counted(found, "GPU")
    if not found and (why := trouble()):
        there = f"no GPU ({why})"
    unusable = "" if usable or not found else "; this torch is built for CPUs only"
    line = f"device: {kind} (auto: {there} visible, {needed} asked for{unusable})"
    if kind.has_gpu and config.emulation_order != EMULATION_ORDERS[0]:
        line += "; --emulation-order: no effect, only emulated devices share a core and have an order"
    return msgspec.structs.replace(config, device=kind), line


def has_gpus(number: int) -> bool:
    """Whether this machine has so many GPUs, and torch can use them."""
    return _torch_has_cuda() and len(gpus()) >= number


def _overruled_order() -> str | None:
    """A line if a variable asks for another order of GPUs than the one that a run counts in."""
    asked = os.environ.get("CUDA_DEVICE_ORDER", _ORDER)
    if asked == _ORDER:
        return None
    return f"CUDA_DEVICE_ORDER={asked}: no effect, GPUs count as in nvidia-smi ({_ORDER})"


def _require(needed: int, found: int, *, alone: bool) -> None:
    if found >= needed:
        return
    what = f"found {found or 'none'} ({count_of_gpus()})"
    if not alone:
        raise EnvironmentRefusedError(
            f"--device cuda: expected {needed} visible GPUs for the ranks of this machine, {what}; start as many ranks "
            "as there are GPUs, or use --device cpu"
        )
    raise EnvironmentRefusedError(
        f"--device cuda: expected {needed} visible GPUs, {what}; "
        f"use --device emulated to emulate {needed} devices on this CPU"
    )


def _torch_has_cuda() -> bool:
    """Whether torch is built for GPUs, by its version, since importing it takes seconds; a rank finds all else."""
    try:
        return not version("torch").endswith("+cpu")
    except PackageNotFoundError:
        return True


def _require_cuda_build() -> None:
    if not _torch_has_cuda():
        raise EnvironmentRefusedError(
            f"--device cuda: torch {version('torch')} is built for CPUs only: install a build with CUDA, or use "
            "--device emulated"
        )


def _check_gpu_memory(config: RunConfig, found: Sequence[Gpu], of_rank: Mapping[int, int]) -> None:
    """Check that each GPU can hold its stage, beside what CUDA, NCCL and the libraries take for themselves.

    Whether one GPU also holds the whole model is found out by trying.
    """
    of_all = budget.device_memory(config, config.planned_partition)
    for rank, number in of_rank.items():
        if rank >= len(of_all) or number >= len(found):
            continue
        gpu, stage = found[number], of_all[rank]
        needed = stage.total + _RESERVE_BYTES
        if gpu.free_bytes is not None and needed > gpu.free_bytes:
            busy = f", {len(gpu.processes)} other processes on it" if gpu.processes else ""
            raise EnvironmentRefusedError(
                f"would not fit on GPU {number} ({gpu.name}): {needed / 2**30:.1f} GiB needed (computed), "
                f"{gpu.free_bytes / 2**30:.1f} GiB free{busy}; use a smaller {budget.smaller_sizes(config)}, or more "
                "devices"
            )
