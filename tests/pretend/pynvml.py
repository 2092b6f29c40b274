"""A driver that tells of as many GPUs as PRETEND_GPUS says, one with a process on it and one that throttles."""

import os
from types import SimpleNamespace

NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU = 1, 2, 0


class NVMLError(Exception):
    value = 999


class NVMLError_LibraryNotFound(NVMLError):  # noqa: N801, N818 - as in nvidia-ml-py
    value = 12


def nvmlInit() -> None:  # noqa: N802
    if "PRETEND_GPUS" not in os.environ:
        raise NVMLError_LibraryNotFound("NVML Shared Library Not Found")


def nvmlShutdown() -> None:  # noqa: N802
    pass


def nvmlDeviceGetCount() -> int:  # noqa: N802
    return int(os.environ["PRETEND_GPUS"])


def nvmlDeviceGetHandleByIndex(number: int) -> int:  # noqa: N802
    return number


def nvmlDeviceGetHandleByUUID(uuid: str) -> int:  # noqa: N802
    if uuid != "MIG-1":
        raise NVMLError("not found")
    return 1


def nvmlDeviceGetUUID(handle: int) -> str:  # noqa: N802
    return f"GPU-{handle}abc-def"


def nvmlDeviceGetName(handle: int) -> bytes:  # noqa: N802
    return f"Pretended GPU {handle}".encode()


def nvmlDeviceGetMemoryInfo(handle: int) -> SimpleNamespace:  # noqa: N802
    free = int(os.environ.get("PRETEND_FREE_BYTES", str(64 * 2**30)))
    return SimpleNamespace(total=80 * 2**30, free=free)


def nvmlDeviceGetComputeRunningProcesses(handle: int) -> list[SimpleNamespace]:  # noqa: N802
    return [SimpleNamespace(pid=4711), SimpleNamespace(pid=4712)] if handle == 1 else []


def nvmlSystemGetProcessName(pid: int) -> str:  # noqa: N802
    if pid == 4712:
        raise NVMLError("no permission")
    return "/usr/bin/python3 --secret"


def nvmlSystemGetDriverVersion() -> str:  # noqa: N802
    return "580.65.06"


def nvmlSystemGetCudaDriverVersion() -> int:  # noqa: N802
    return 13000


def nvmlDeviceGetClockInfo(handle: int, kind: int) -> int:  # noqa: N802
    return 1980 if kind == NVML_CLOCK_SM else 2619


def nvmlDeviceGetTemperature(handle: int, sensor: int) -> int:  # noqa: N802
    if handle == 1:
        raise NVMLError("not supported")
    return 41


def nvmlDeviceGetCurrentClocksThrottleReasons(handle: int) -> int:  # noqa: N802
    return 0x1 | 0x4 | 0x40 if handle == 0 else 0x1
