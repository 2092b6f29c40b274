"""Facts that only a measuring process knows of itself; they are tried out where a setting may be wrong about them."""

import os

import msgspec
import torch

from pipebench.engine.device import RankDevice
from pipebench.engine.gathering import gathered_texts
from pipebench.launching.rendezvous.place import Place
from pipebench.measuring import allocator
from pipebench.records.devices import RankRecord

Values = dict[str, str | int | float | bool | None]

_SMALL = 1e-38  # just below the smallest normal float32


def environment(device: RankDevice) -> Values:
    """The environment of a rank that computes on this device, by field of a record's environment."""
    return {
        **device.libraries(),
        "torch": str(torch.__version__),
        "torch_cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "torch_mkldnn": _mkldnn(),
        "threads": torch.get_num_threads(),
        "pinned_core": _pinned_core(),
        "flush_denormal": flushes_denormal(),
        "allocator": allocator.shared_object(),
        "allocator_keeps_memory": allocator.keeps_memory(_touch),
    }


def ranks(place: Place, device: RankDevice) -> list[RankRecord]:
    """The host and the device of all ranks, on rank 0; other ranks get an empty list. Collective.

    Args:
        place: the place of this rank.
        device: the device of this rank.
    """
    seat = place.seats[place.rank]
    here = RankRecord(seat.host, seat.local_rank, *device.identity())
    told = gathered_texts({str(place.rank): msgspec.json.encode(here).decode()}) or {}
    return [msgspec.json.decode(told[str(rank)], type=RankRecord) for rank in range(len(told))]


def _mkldnn() -> bool:
    """Whether torch was built with oneDNN, and uses it."""
    return bool(torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled)  # type: ignore[no-untyped-call]


def flushes_denormal() -> bool:
    """Whether this thread flushes denormal numbers to 0; not every processor can do that."""
    return not (torch.full((64,), _SMALL) * 1e-2).any()


def _touch() -> None:
    torch.empty(allocator.SIZE_BYTES, dtype=torch.uint8)[:: allocator.APART_BYTES].fill_(1)


def _pinned_core() -> int | None:
    """The one core that this process may use; ``None`` if it may use several."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    return min(cores) if len(cores) == 1 else None
