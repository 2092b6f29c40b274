"""torch.cuda as far as pipebench uses it, on the CPU. Nothing here is a measurement of a GPU."""

import time
from types import SimpleNamespace
from typing import Any

import torch
import torch.distributed as dist


class Event:
    """An event that the host reaches at once."""

    def __init__(self, enable_timing: bool = False, blocking: bool = False) -> None:
        self.enable_timing = enable_timing
        self.at_s: float | None = None
        self.waited = 0

    def record(self, stream: object = None) -> None:
        self.at_s = time.perf_counter()

    def elapsed_time(self, later: "Event") -> float:
        assert self.enable_timing
        assert later.enable_timing
        assert self.at_s is not None
        assert later.at_s is not None, "never recorded"
        return (later.at_s - self.at_s) * 1000

    def synchronize(self) -> None:
        self.waited += 1


PEAK = 1_000_000_000  # plus the number of the rank
calls: list[str] = []


def install(*, nccl: bool = True, count: int = 2) -> None:
    """Put the pretence in the place of torch.cuda, for the rest of this process."""
    from pipebench.engine.gpu import CudaDevice

    current = [0]

    def make(self: CudaDevice, index: int) -> None:
        assert 0 <= index < count
        self.torch = torch.device("cpu")
        self.index = index

    def use(self: CudaDevice) -> None:
        current[0] = self.index

    CudaDevice.__init__ = make  # type: ignore[method-assign]
    CudaDevice.use = use  # type: ignore[method-assign]
    replaced: dict[str, Any] = {
        "Event": Event,
        "current_stream": lambda device=None: None,
        "synchronize": lambda device=None: calls.append("synchronize"),
        "device": lambda device: torch.autograd.set_grad_enabled(True),  # a context that changes nothing
        "init": lambda: None,
        "empty_cache": lambda: calls.append("empty_cache"),
        "memory_allocated": lambda device=None: 0,
        "max_memory_allocated": lambda device=None: PEAK + current[0],
        "reset_peak_memory_stats": lambda device=None: None,
        "get_device_name": lambda number: f"Pretended GPU {number}",
        "get_device_properties": lambda number: SimpleNamespace(
            name=f"Pretended GPU {number}",
            uuid=f"0000-{number}",
            pci_domain_id=0,
            pci_bus_id=0x1A + number,
            pci_device_id=0,
        ),
    }
    for name, value in replaced.items():
        setattr(torch.cuda, name, value)
    torch.cuda.nccl.version = lambda: (2, 28, 9)  # type: ignore[assignment]
    dist.is_nccl_available = lambda: nccl
    new_group, empty = dist.new_group, torch.empty

    def gloo_group(ranks: list[int], *, backend: str, timeout: Any) -> Any:
        assert backend == "nccl"
        calls.append(f"group {ranks}")
        return new_group(ranks, backend="gloo", timeout=timeout)

    def unpinned(*sizes: Any, pin_memory: bool = False, **options: Any) -> torch.Tensor:
        if pin_memory:
            calls.append("pinned")
        return empty(*sizes, **options)

    dist.new_group = gloo_group
    torch.empty = unpinned  # type: ignore[assignment]


def slow_down(times: list[float]) -> None:
    """Each GPU's own clock says that a step takes so many times as long as it does."""
    from pipebench.engine.gpu import CudaDevice

    seconds = CudaDevice.seconds

    def slower(self: CudaDevice, run: Any) -> float:
        return times[self.index] * seconds(self, run)

    CudaDevice.seconds = slower  # type: ignore[method-assign]


def hold_at_most(layers: int) -> None:
    """A GPU finds no room for a part of the model with more layers than this."""
    from pipebench.models.own.network import OwnPart
    from pipebench.models.stacked_lstm.network import FusedLSTM, StackedLSTM

    def limited(kind: Any, count: Any) -> None:
        run = kind.run

        def limited_run(self: Any, input_: Any, state: Any, *beside: Any) -> Any:
            if count(self) > layers:
                raise torch.OutOfMemoryError("pretended")
            return run(self, input_, state, *beside)

        kind.run = limited_run

    limited(FusedLSTM, lambda model: model.lstm.num_layers)
    limited(StackedLSTM, lambda model: len(model.lstm))
    limited(OwnPart, lambda part: len(part._layers))
