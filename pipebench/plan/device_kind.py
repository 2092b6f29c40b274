"""The kinds of devices that run a plan, and how they differ before any device is opened. Pure.

How torch computes and measures on each kind is in ``engine/device.py``.
"""

from enum import StrEnum


class DeviceKind(StrEnum):
    """What a run's devices are."""

    CUDA = "cuda"
    CPU = "cpu"
    EMULATED = "emulated"

    @property
    def is_real(self) -> bool:
        """Whether each device has a process of its own, timed by the wall clock; emulated devices share a core."""
        return self is not DeviceKind.EMULATED

    @property
    def has_gpu(self) -> bool:
        """Whether each device is a GPU, with a memory of its own."""
        return self is DeviceKind.CUDA

    @property
    def takes_core(self) -> bool:
        """Whether each device is a core of this machine, so that there can be too few of them."""
        return self is DeviceKind.CPU


REAL = tuple(kind for kind in DeviceKind if kind.is_real)
