"""Which device a rank has, by the kind of a run's devices."""

import time
from collections.abc import Callable

from pipebench.engine.device import CpuDevice, RankDevice
from pipebench.engine.gpu import CudaDevice
from pipebench.plan.device_kind import DeviceKind


def device_of(kind: DeviceKind, number: int, clock: Callable[[], float] = time.perf_counter) -> RankDevice:
    """What a rank of a run computes on; emulated devices share a core.

    Args:
        kind: of the run's devices.
        number: of the device on its host.
        clock: of a core, see ``CpuDevice``.
    """
    return CudaDevice(number) if kind.has_gpu else CpuDevice(clock)
