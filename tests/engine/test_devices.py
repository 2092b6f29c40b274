import time

import torch

from pipebench.engine.device import CpuDevice
from pipebench.engine.devices import device_of
from pipebench.engine.gpu import CudaDevice
from pipebench.plan.device_kind import DeviceKind


def test_a_rank_has_the_device_of_the_runs_kind() -> None:
    gpu = device_of(DeviceKind.CUDA, 3)
    assert isinstance(gpu, CudaDevice)
    assert (gpu.index, gpu.torch) == (3, torch.device("cuda", 3))
    core = device_of(DeviceKind.CPU, 3)
    assert isinstance(core, CpuDevice)
    assert core.clock is time.perf_counter


def test_emulated_devices_share_a_core_whose_clock_is_given() -> None:
    core = device_of(DeviceKind.EMULATED, 0, time.thread_time)
    assert isinstance(core, CpuDevice)
    assert core.clock is time.thread_time
