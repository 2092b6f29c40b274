"""The device that a rank computes on, by the kind of the run's devices."""

import time
from collections.abc import Callable

from pipebench.engine.device import CpuDevice, RankDevice
from pipebench.engine.gpu import CudaDevice
from pipebench.plan.device_kind import DeviceKind


def device_of(kind: DeviceKind, number: int, clock: Callable[[], float] = time.perf_counter) -> RankDevice:
    """The device that a rank of a run computes on; emulated devices share a core.

    Args:
        kind: the kind of the run's devices.
        number: the device's number on its host.
        clock: the clock of a core, see ``CpuDevice``; a GPU has its own.
    """
    return CudaDevice(number) if kind.has_gpu else CpuDevice(clock)
