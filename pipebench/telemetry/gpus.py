"""What the NVIDIA driver says of the GPUs, through nvidia-ml-py: no torch is imported to ask.

GPUs count as nvidia-smi counts them, less those that CUDA_VISIBLE_DEVICES hides. What the driver does not
tell is ``None``.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from pipebench.telemetry.visible_gpus import visible

Value = str | int | float | bool | None

# The bits of NVML's clocks event reasons that mean: slower than the GPU could be. (Idle and chosen clocks
# are others.)
THROTTLE_REASONS = {
    0x4: "sw-power-cap",
    0x8: "hw-slowdown",
    0x20: "sw-thermal-slowdown",
    0x40: "hw-thermal-slowdown",
    0x80: "hw-power-brake",
}


_NO_DRIVER = (9, 12)  # NVML's codes for a driver that is not loaded, and a library that is not there


class Gpu(NamedTuple):
    """One visible GPU, as it is before a run."""

    name: str
    memory_bytes: int | None
    free_bytes: int | None
    processes: tuple[str, ...]  # those that compute on it, such as ``4711 python``


class Reading(NamedTuple):
    """One visible GPU at one moment."""

    sm_clock_hz: int | None
    memory_clock_hz: int | None
    temperature_c: int | None
    throttle_reasons: frozenset[str]


def gpus() -> list[Gpu]:
    """The visible GPUs; empty without a driver."""
    with _driver() as nvml:
        return [_gpu(nvml, handle) for handle in _visible(nvml)] if nvml else []


def readings() -> list[Reading]:
    """Clocks and throttling of the visible GPUs now; empty without a driver."""
    with _driver() as nvml:
        return [_reading(nvml, handle) for handle in _visible(nvml)] if nvml else []


def count_of_gpus() -> str:
    """How many GPUs this machine has and what hides some, or why the driver does not tell, in its own words."""
    import pynvml  # noqa: PLC0415 - see _driver

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return f"the NVIDIA driver does not answer: {error}"
    try:
        there = len(_all(pynvml))
    finally:
        pynvml.nvmlShutdown()
    asked = os.environ.get("CUDA_VISIBLE_DEVICES")
    hiding = f", and CUDA_VISIBLE_DEVICES={asked!r}" if asked is not None else ""
    return f"this machine has {there}{hiding}"


def trouble() -> str | None:
    """What is wrong with a driver that is there; ``None`` if nothing is, or none is there."""
    import pynvml  # noqa: PLC0415 - see _driver

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return None if getattr(error, "value", None) in _NO_DRIVER else str(error)
    pynvml.nvmlShutdown()
    return None


def driver_versions() -> dict[str, Value]:
    """The driver's own version and the newest CUDA that it runs."""
    with _driver() as nvml:
        if not nvml:
            return {}
        cuda = _ask(nvml.nvmlSystemGetCudaDriverVersion)
        return {
            "driver": _text(_ask(nvml.nvmlSystemGetDriverVersion)),
            "driver_cuda": None if cuda is None else f"{cuda // 1000}.{cuda % 1000 // 10}",
        }


@contextmanager
def driver_open() -> Iterator[None]:
    """Keep the driver open, so that readings inside need not open it each time."""
    with _driver():
        yield


@contextmanager
def _driver() -> Iterator[Any]:
    """The library with the driver opened, or ``None`` where there is none."""
    import pynvml  # noqa: PLC0415 - only where GPUs matter

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        yield None
        return
    try:
        yield pynvml
    finally:
        pynvml.nvmlShutdown()


def _visible(nvml: Any) -> list[Any]:
    """Handles of the GPUs that CUDA shows, in its order."""
    handles = _all(nvml)
    uuids = [None if handle is None else _uuid(nvml, handle) for handle in handles]

    def is_slice(name: str) -> bool:
        return _ask(nvml.nvmlDeviceGetHandleByUUID, name) is not None

    found = visible(os.environ.get("CUDA_VISIBLE_DEVICES"), uuids, is_slice)
    return [
        _ask(nvml.nvmlDeviceGetHandleByUUID, gpu) if isinstance(gpu, str) else handles[gpu] for gpu in found
    ]


def _all(nvml: Any) -> list[Any]:
    """A handle for each GPU of this machine, ``None`` for one that the driver has lost."""
    count = _ask(nvml.nvmlDeviceGetCount) or 0
    return [_ask(nvml.nvmlDeviceGetHandleByIndex, number) for number in range(count)]


def _uuid(nvml: Any, handle: Any) -> str:
    return _text(_ask(nvml.nvmlDeviceGetUUID, handle)) or ""


def _gpu(nvml: Any, handle: Any) -> Gpu:
    memory = _ask(nvml.nvmlDeviceGetMemoryInfo, handle)
    processes = _ask(nvml.nvmlDeviceGetComputeRunningProcesses, handle) or []
    return Gpu(
        name=_text(_ask(nvml.nvmlDeviceGetName, handle)) or "unknown GPU",
        memory_bytes=memory.total if memory else None,
        free_bytes=memory.free if memory else None,
        processes=tuple(_process(nvml, process.pid) for process in processes),
    )


def _process(nvml: Any, pid: int) -> str:
    """A process by its number and its program, without folder and arguments."""
    name = (_text(_ask(nvml.nvmlSystemGetProcessName, pid)) or "").split()
    return f"{pid} {name[0].rpartition('/')[2]}" if name else f"{pid} of another container or user"


def _reading(nvml: Any, handle: Any) -> Reading:
    reasons = _ask(nvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle) or 0
    return Reading(
        sm_clock_hz=_megahertz(_ask(nvml.nvmlDeviceGetClockInfo, handle, nvml.NVML_CLOCK_SM)),
        memory_clock_hz=_megahertz(_ask(nvml.nvmlDeviceGetClockInfo, handle, nvml.NVML_CLOCK_MEM)),
        temperature_c=_ask(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
        throttle_reasons=frozenset(name for bit, name in THROTTLE_REASONS.items() if reasons & bit),
    )


def _ask(function: Callable[..., Any], *arguments: Any) -> Any:
    """What the driver answers; ``None`` if it does not know, or this GPU cannot tell."""
    import pynvml  # noqa: PLC0415 - see _driver

    try:
        return function(*arguments)
    except pynvml.NVMLError:
        return None


def _megahertz(value: int | None) -> int | None:
    """Megahertz as hertz."""
    return None if value is None else value * 1_000_000


def _text(value: str | bytes | None) -> str | None:
    """An answer as text; older releases of nvidia-ml-py answer in bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value
