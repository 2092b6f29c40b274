"""What only a measuring process can tell of itself: facts, tried out where a setting may say otherwise."""

import os
from typing import Any

import msgspec
import torch

from pipebench.engine.gathering import gathered_texts
from pipebench.launching.rendezvous.place import Place
from pipebench.measuring import allocator
from pipebench.records.devices import RankRecord
from pipebench.telemetry.environment import cpu_model

Values = dict[str, str | int | float | bool | None]

_SMALL = 1e-38  # of float32's normal numbers
_TF32_BITS, _SIDE = 10, 1024  # of the fraction; of a square matrix large enough for tensor cores


def environment(device: str, number: int = 0) -> Values:
    """The environment of a rank that computes on a kind of device, and of GPUs on the one with a number."""
    gpus = {} if device != "cuda" else _gpu_libraries(number)
    return gpus | {
        "torch": str(torch.__version__),
        "torch_cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "torch_mkldnn": _mkldnn(),
        "threads": torch.get_num_threads(),
        "pinned_core": _pinned_core(),
        "flush_denormal": flushes_denormal(),
        "allocator": allocator.shared_object(),
        "allocator_keeps_memory": allocator.keeps_memory(_touch),
    }


def ranks(place: Place, device: str) -> list[RankRecord]:
    """Where all ranks are, and on what; only rank 0 knows of the others. Collective."""
    seat = place.seats[place.rank]
    here = RankRecord(seat.host, seat.local_rank, cpu_model())
    if device == "cuda":
        of_gpu = torch.cuda.get_device_properties(seat.device)
        here = RankRecord(
            seat.host, seat.local_rank, of_gpu.name, uuid=f"GPU-{of_gpu.uuid}", pci=_pci_address(of_gpu)
        )
    told = gathered_texts({str(place.rank): msgspec.json.encode(here).decode()}) or {}
    return [msgspec.json.decode(told[str(rank)], type=RankRecord) for rank in range(len(told))]


def _pci_address(of_gpu: Any) -> str:
    """As nvidia-smi and lspci write it."""
    return f"{of_gpu.pci_domain_id:08X}:{of_gpu.pci_bus_id:02X}:{of_gpu.pci_device_id:02X}.0"


def _mkldnn() -> bool:
    """Whether torch was built with oneDNN, and uses it."""
    return bool(torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled)  # type: ignore[no-untyped-call]


def flushes_denormal() -> bool:
    """Whether this thread takes numbers too small to be normal for 0, as not every processor can."""
    return not (torch.full((64,), _SMALL) * 1e-2).any()


def uses_tf32(device: torch.device) -> bool:
    """Whether products of float32 are computed from TF32, which has no place for what is added to 1 here."""
    almost_1 = torch.full((_SIDE, _SIDE), 1 + 2.0 ** -(_TF32_BITS + 2), device=device)
    return bool((almost_1 @ torch.ones_like(almost_1) == _SIDE).any())


def _touch() -> None:
    torch.empty(allocator.SIZE_BYTES, dtype=torch.uint8)[:: allocator.APART_BYTES].fill_(1)


def _pinned_core() -> int | None:
    """The one core that this process may use; ``None`` if it may use several."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    return min(cores) if len(cores) == 1 else None


def _gpu_libraries(number: int) -> Values:
    from pipebench.engine.device import CudaDevice  # noqa: PLC0415 - GPUs only

    nccl = ".".join(map(str, torch.cuda.nccl.version())) if torch.distributed.is_nccl_available() else None  # type: ignore[no-untyped-call]
    return {
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        "nccl": nccl,
        "tf32": uses_tf32(CudaDevice(number).torch) or torch.backends.cudnn.allow_tf32,
    }
