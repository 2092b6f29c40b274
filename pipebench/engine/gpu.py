"""A GPU as the device of a rank: see ``device``."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

from pipebench.engine.device import Identity
from pipebench.errors import EnvironmentRefusedError
from pipebench.system.refusals import first_line

_TF32_BITS, _SIDE = 10, 1024  # bits of the fraction; side of a square matrix large enough for tensor cores


class CudaDevice:
    """One GPU; its index is CUDA's, which counts the visible GPUs."""

    warms_up = True
    has_cpu_clock = False
    has_own_memory = True
    has_own_speed = True

    def __init__(self, index: int) -> None:
        self.index, self.torch = index, torch.device("cuda", index)

    @property
    def backend(self) -> str | None:
        """NCCL, if torch has it."""
        return "nccl" if torch.distributed.is_nccl_available() else None

    def start(self) -> None:
        """Start CUDA in this process and let the GPU add two numbers.

        TF32 is switched off, so that baseline and pipeline compute in true float32.

        Raises:
            EnvironmentRefusedError: torch is built without CUDA, the driver is too old for it, this build has no
                code for the GPU, or another process has the GPU for itself.
        """
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        try:
            torch.cuda.init()  # type: ignore[no-untyped-call]
            one = torch.ones(1, device=self.torch)
            assert float(one + one) == 2, "a GPU that cannot add"
        except (RuntimeError, AssertionError) as error:
            raise EnvironmentRefusedError(
                f"--device cuda: torch {torch.__version__} cannot use GPU {self.index} ({first_line(error)}): install "
                "a torch build for this driver and this GPU, end what else uses it, or use --device emulated"
            ) from error

    def identity(self) -> Identity:
        """Name and ids from the driver, written as nvidia-smi and lspci write them."""
        told: Any = torch.cuda.get_device_properties(self.index)
        pci = f"{told.pci_domain_id:08X}:{told.pci_bus_id:02X}:{told.pci_device_id:02X}.0"
        return Identity(told.name, f"GPU-{told.uuid}", pci)

    def names(self, count: int) -> list[str]:
        """Names of the first ``count`` GPUs, in CUDA's order."""
        return [torch.cuda.get_device_name(number) for number in range(count)]

    def libraries(self) -> Mapping[str, str | int | bool | None]:
        """Versions of CUDA's libraries, and whether float32 products are computed in TF32."""
        nccl = ".".join(map(str, torch.cuda.nccl.version())) if self.backend else None  # type: ignore[no-untyped-call]
        return {
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
            "nccl": nccl,
            "tf32": uses_tf32(self.torch) or torch.backends.cudnn.allow_tf32,
        }

    def use(self) -> None:
        """Make it the GPU that torch and NCCL use in this thread."""
        torch.cuda.set_device(self.torch)

    def marks(self, count: int) -> "EventMarks":
        """Events on the stream that computes."""
        return EventMarks(self.torch, count)

    def seconds(self, run: Callable[[], None]) -> float:
        """Run something; the seconds between two events around it, by the GPU's own clock."""
        marks = EventMarks(self.torch, 2)
        torch.cuda.synchronize(self.torch)
        marks.mark(0)
        with torch.cuda.device(self.torch):
            run()
            marks.mark(1)
        start, end = marks.read_s()
        return end - start

    def at_rest_s(self) -> float:
        """Wait for the GPU, then read the host's clock."""
        torch.cuda.synchronize(self.torch)
        return time.perf_counter()

    def give_back(self) -> None:
        """Empty the cache of torch's allocator."""
        torch.cuda.empty_cache()

    def allocated_bytes(self) -> int:
        """Bytes that tensors take now, by torch's allocator."""
        return torch.cuda.memory_allocated(self.torch)

    def start_peak(self) -> None:
        """Reset the allocator's count."""
        torch.cuda.reset_peak_memory_stats(self.torch)

    def peak_bytes(self) -> int | None:
        """The most bytes that tensors took, by torch's allocator, without what CUDA and NCCL take for themselves."""
        return torch.cuda.max_memory_allocated(self.torch)


class EventMarks:
    """Marks that are CUDA events; the host waits once, when they are read.

    Mark 0 is recorded on a GPU at rest. So its event and the host's clock reading are at most some 10 us apart.
    """

    def __init__(self, device: torch.device, count: int) -> None:
        self._device = device
        self._events = [torch.cuda.Event(enable_timing=True) for _ in range(count)]  # type: ignore[no-untyped-call]
        self._origin_s = 0.0
        self._stream: torch.cuda.Stream | None = None

    def mark(self, number: int) -> None:
        """Record an event on the stream that was current at mark 0; asking for it takes as long as recording."""
        if number == 0:
            self._stream = torch.cuda.current_stream(self._device)
            self._origin_s = time.perf_counter()
        self._events[number].record(self._stream)

    def read_s(self) -> list[float]:
        """Wait for the GPU; the times of all events in seconds of the host's clock."""
        torch.cuda.synchronize(self._device)
        first = self._events[0]
        return [self._origin_s + first.elapsed_time(event) / 1000 for event in self._events]


def uses_tf32(device: torch.device) -> bool:
    """Whether float32 products are computed in TF32, found by a product whose digits TF32 would lose."""
    almost_1 = torch.full((_SIDE, _SIDE), 1 + 2.0 ** -(_TF32_BITS + 2), device=device)
    return bool((almost_1 @ torch.ones_like(almost_1) == _SIDE).any())
