"""The device that a rank computes on. Code that measures calls these methods and need not know the device's kind.

    CpuDevice    tensors in memory; a clock of the host is read around the work
    CudaDevice   tensors on one GPU (``gpu.py``); events are recorded around the work and read once, when it is over

A mark is a point of a step whose time is wanted. The times of marks are in seconds of the machine's monotonic clock,
which all ranks of the machine share.
"""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

import torch

from pipebench.telemetry.environment import cpu_model


class Identity(NamedTuple):
    """Which device it is, as far as is known."""

    name: str
    uuid: str | None = None
    pci: str | None = None


class Marks(Protocol):
    """The numbered points of one step."""

    def mark(self, number: int) -> None:
        """Note that the work reaches this point now. Mark 0 comes first, while the device is at rest."""

    def read_s(self) -> list[float]:
        """Wait until the device has reached all marks; their times in seconds of the machine's monotonic clock."""


class RankDevice(Protocol):
    """Where a process computes, and how its work is timed."""

    torch: torch.device
    warms_up: bool  # whether the first step is slower, because it sets up what later steps reuse
    has_cpu_clock: bool  # whether this thread does the work, so that its CPU time is the time of the work
    has_own_memory: bool  # memory apart from the host's; trying shows whether a model fits into it
    has_own_speed: bool  # whether another such device may be faster; this is measured before the race

    @property
    def backend(self) -> str | None:
        """Torch's name of what carries tensors between such devices; ``None``: gloo, through the host's memory."""

    def start(self) -> None:
        """Make the device ready; call it before any other method.

        Raises:
            EnvironmentRefusedError: This process cannot compute on it.
        """

    def identity(self) -> "Identity":
        """The device's name and, if known, its ids."""

    def names(self, count: int) -> list[str]:
        """Names of the first ``count`` devices of this kind that this process sees; empty if they have no numbers."""

    def libraries(self) -> Mapping[str, str | int | bool | None]:
        """Versions and settings of the device's own libraries, by field of a record's environment."""

    def use(self) -> None:
        """Make it the device that this process computes on."""

    def marks(self, count: int) -> Marks:
        """So many marks, made once and used in every step."""

    def seconds(self, run: Callable[[], None]) -> float:
        """Run something on a device at rest; the seconds until the work is done."""

    def at_rest_s(self) -> float:
        """Wait for all work, then read the clock: for a quick look, not for timed steps."""

    def give_back(self) -> None:
        """Free the memory that is kept for later tensors."""

    def allocated_bytes(self) -> int:
        """Bytes that tensors take now; 0 if this is not counted."""

    def start_peak(self) -> None:
        """Forget the peak so far."""

    def peak_bytes(self) -> int | None:
        """The most bytes that tensors took since ``start_peak``; ``None`` if this is not counted."""


class CpuDevice:
    """One CPU core.

    Args:
        clock: a clock of the host, in seconds: wall time, or this thread's CPU time.
    """

    warms_up = False
    has_cpu_clock = True
    has_own_memory = False
    has_own_speed = False
    backend = None

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.torch = torch.device("cpu")
        self.clock = clock

    def start(self) -> None:
        """Do nothing: a core needs no start."""

    def identity(self) -> Identity:
        """The processor's model."""
        return Identity(cpu_model())

    def names(self, count: int) -> list[str]:  # noqa: ARG002 - cores have no numbers
        """No names: cores have no numbers."""
        return []

    def libraries(self) -> Mapping[str, str | int | bool | None]:
        """No libraries but torch's own."""
        return {}

    def use(self) -> None:
        """Do nothing: there is no other device to choose from."""

    def marks(self, count: int) -> "HostMarks":
        """Marks that read the wall clock."""
        return HostMarks(count)

    def seconds(self, run: Callable[[], None]) -> float:
        """Run something; its seconds by this device's clock."""
        start = self.clock()
        run()
        return self.clock() - start

    def at_rest_s(self) -> float:
        """Read the clock; a core's work is done when a call returns."""
        return self.clock()

    def give_back(self) -> None:
        """Do nothing: memory stays with this process, so that later steps find it in place."""

    def allocated_bytes(self) -> int:
        """Return 0: not counted."""
        return 0

    def start_peak(self) -> None:
        """Do nothing: not counted."""

    def peak_bytes(self) -> int | None:
        """Return ``None``: not counted."""
        return None


class HostMarks:
    """Marks that are readings of the wall clock."""

    def __init__(self, count: int) -> None:
        self._readings = [0.0] * count

    def mark(self, number: int) -> None:
        """Read the clock."""
        self._readings[number] = time.perf_counter()

    def read_s(self) -> list[float]:
        """The readings; there is nothing to wait for."""
        return list(self._readings)
