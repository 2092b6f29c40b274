"""What a rank computes on: whoever measures asks the device, and not for its kind.

    CpuDevice    tensors in memory; a clock of the host is read around the work
    CudaDevice   tensors on one GPU (``gpu.py``); events are recorded around the work and read once, when it is over

A mark is a point of a step whose time will be asked for. The marks of a step come back in seconds of the
machine's monotonic clock, which all ranks share.
"""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

import torch

from pipebench.telemetry.environment import cpu_model


class Identity(NamedTuple):
    """Which device it is, as far as that is told."""

    name: str
    uuid: str | None = None
    pci: str | None = None


class Marks(Protocol):
    """The numbered points of one step."""

    def mark(self, number: int) -> None:
        """The work reaches this point now; mark 0 comes first, on a device at rest."""

    def read_s(self) -> list[float]:
        """Wait until the device has reached all marks; their times on the machine's monotonic clock."""


class RankDevice(Protocol):
    """Where a process computes, and how its work is timed."""

    torch: torch.device
    warms_up: bool  # whether a first step pays for what later ones find in place
    has_cpu_clock: bool  # whether the work is this thread's, and its CPU time tells how long it had the core
    has_own_memory: bool  # beside the host's: a model may be too big for it, which is found out by trying
    has_own_speed: bool  # whether another one may be faster, which is found out before the race

    @property
    def backend(self) -> str | None:
        """What carries tensors between such devices, as torch calls it; ``None``: gloo, from the host's memory."""

    def start(self) -> None:
        """Make it ready, before anything else is asked of it.

        Raises:
            EnvironmentRefusedError: This process cannot compute on it.
        """

    def identity(self) -> "Identity":
        """Which one it is."""

    def names(self, count: int) -> list[str]:
        """Of the first devices of this kind that this process sees; none where nobody numbers them."""

    def libraries(self) -> Mapping[str, str | int | bool | None]:
        """Its own libraries, by the names that a record's environment has for them."""

    def use(self) -> None:
        """Make it the device that this process computes on."""

    def marks(self, count: int) -> Marks:
        """Points to mark, made once and used in every step."""

    def seconds(self, run: Callable[[], None]) -> float:
        """Run something, from a device at rest until it is over."""

    def at_rest_s(self) -> float:
        """Its clock once it has done all that it was given: for a quick look, not for timed steps."""

    def give_back(self) -> None:
        """Let others have the memory that is kept for later tensors."""

    def allocated_bytes(self) -> int:
        """What tensors take now; 0 where nobody counts."""

    def start_peak(self) -> None:
        """Forget the peak so far."""

    def peak_bytes(self) -> int | None:
        """The most that tensors took since then; ``None`` where nobody counts."""


class CpuDevice:
    """One CPU core.

    Args:
        clock: of the host, in seconds: wall, or CPU time of this thread.
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
        """It is there."""

    def identity(self) -> Identity:
        """By the processor's model."""
        return Identity(cpu_model())

    def names(self, count: int) -> list[str]:  # noqa: ARG002 - nobody numbers cores
        """Not numbered."""
        return []

    def libraries(self) -> Mapping[str, str | int | bool | None]:
        """None beside torch's."""
        return {}

    def use(self) -> None:
        """There is no other."""

    def marks(self, count: int) -> "HostMarks":
        """Read off the wall clock."""
        return HostMarks(count)

    def seconds(self, run: Callable[[], None]) -> float:
        """By this device's clock."""
        start = self.clock()
        run()
        return self.clock() - start

    def at_rest_s(self) -> float:
        """What it was given is done when the call is over."""
        return self.clock()

    def give_back(self) -> None:
        """It is this process's: its steps must meet memory that is in place."""

    def allocated_bytes(self) -> int:
        """Not counted."""
        return 0

    def start_peak(self) -> None:
        """Not counted."""

    def peak_bytes(self) -> int | None:
        """Not counted."""
        return None


class HostMarks:
    """Readings of the wall clock."""

    def __init__(self, count: int) -> None:
        self._readings = [0.0] * count

    def mark(self, number: int) -> None:
        """Read the clock."""
        self._readings[number] = time.perf_counter()

    def read_s(self) -> list[float]:
        """They are there already."""
        return list(self._readings)
