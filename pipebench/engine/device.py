"""What a rank computes on: the one leaf that knows a CPU core from a GPU.

    CpuDevice    tensors in memory; a clock of the host is read around the work
    CudaDevice   tensors on one GPU; events are recorded around the work and read once, when it is over

A mark is a point of a step whose time will be asked for. The marks of a step come back in seconds of the
machine's monotonic clock, which all ranks share.
"""

import time
from collections.abc import Callable
from typing import Protocol

import torch

from pipebench.errors import EnvironmentRefusedError
from pipebench.system.refusals import first_line


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

    def use(self) -> None:
        """Make it the device that this process computes on."""

    def marks(self, count: int) -> Marks:
        """Points to mark, made once and used in every step."""

    def seconds(self, run: Callable[[], None]) -> float:
        """Run something, from a device at rest until it is over."""

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

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.torch = torch.device("cpu")
        self.clock = clock

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


class CudaDevice:
    """One GPU, as CUDA counts those that are visible; ``start_cuda`` comes first."""

    warms_up = True

    def __init__(self, index: int) -> None:
        self.torch = torch.device("cuda", index)

    def use(self) -> None:
        """What torch and NCCL take for the current GPU."""
        torch.cuda.set_device(self.torch)

    def marks(self, count: int) -> "EventMarks":
        """Events on the stream that computes."""
        return EventMarks(self.torch, count)

    def seconds(self, run: Callable[[], None]) -> float:
        """Between two events around it, by the GPU's own clock."""
        marks = EventMarks(self.torch, 2)
        torch.cuda.synchronize(self.torch)
        marks.mark(0)
        with torch.cuda.device(self.torch):
            run()
            marks.mark(1)
        start, end = marks.read_s()
        return end - start

    def give_back(self) -> None:
        """Empty the cache of torch's allocator."""
        torch.cuda.empty_cache()

    def allocated_bytes(self) -> int:
        """By torch's allocator."""
        return torch.cuda.memory_allocated(self.torch)

    def start_peak(self) -> None:
        """Reset the allocator's count."""
        torch.cuda.reset_peak_memory_stats(self.torch)

    def peak_bytes(self) -> int | None:
        """By torch's allocator; what CUDA and NCCL take for themselves is not in it."""
        return torch.cuda.max_memory_allocated(self.torch)


def start_cuda(rank: int) -> None:
    """Start CUDA in this process and have its GPU add two numbers, TF32 off: both sides compute in true float32.

    Raises:
        EnvironmentRefusedError: torch is built without CUDA, the driver is too old for it, or this build has no code
            for the GPU, or another process has the GPU for itself.
    """
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
        one = torch.ones(1, device=CudaDevice(rank).torch)
        assert float(one + one) == 2, "a GPU that cannot add"
    except (RuntimeError, AssertionError) as error:
        raise EnvironmentRefusedError(
            f"--device cuda: torch {torch.__version__} cannot use GPU {rank} ({first_line(error)}): install "
            "a torch build for this driver and this GPU, end what else uses it, or use --device emulated"
        ) from error


class EventMarks:
    """CUDA events; the host waits once, when they are read.

    Mark 0 is recorded on a GPU at rest, so the host's clock at that moment is the GPU's, to some 10 us.
    """

    def __init__(self, device: torch.device, count: int) -> None:
        self._device = device
        self._events = [torch.cuda.Event(enable_timing=True) for _ in range(count)]  # type: ignore[no-untyped-call]
        self._origin_s = 0.0
        self._stream: torch.cuda.Stream | None = None

    def mark(self, number: int) -> None:
        """Record an event on the stream that is the device's current one at mark 0: to ask for it takes as long."""
        if number == 0:
            self._stream = torch.cuda.current_stream(self._device)
            self._origin_s = time.perf_counter()
        self._events[number].record(self._stream)

    def read_s(self) -> list[float]:
        """Milliseconds since mark 0, on the host's clock."""
        torch.cuda.synchronize(self._device)
        first = self._events[0]
        return [self._origin_s + first.elapsed_time(event) / 1000 for event in self._events]
