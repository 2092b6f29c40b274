"""What only a measuring process can tell of itself: facts, tried out where a setting may say otherwise."""

import os

import msgspec
import torch

from pipebench.engine.device import RankDevice
from pipebench.engine.gathering import gathered_texts
from pipebench.launching.rendezvous.place import Place
from pipebench.measuring import allocator
from pipebench.records.devices import RankRecord

Values = dict[str, str | int | float | bool | None]

_SMALL = 1e-38  # of float32's normal numbers


def environment(device: RankDevice) -> Values:
    """The environment of a rank that computes on a device."""
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
    """Where all ranks are, and on what; only rank 0 knows of the others. Collective.

    Args:
        place: of this rank.
        device: that it has.
    """
    seat = place.seats[place.rank]
    here = RankRecord(seat.host, seat.local_rank, *device.identity())
    told = gathered_texts({str(place.rank): msgspec.json.encode(here).decode()}) or {}
    return [msgspec.json.decode(told[str(rank)], type=RankRecord) for rank in range(len(told))]


def _mkldnn() -> bool:
    """Whether torch was built with oneDNN, and uses it."""
    return bool(torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled)  # type: ignore[no-untyped-call]


def flushes_denormal() -> bool:
    """Whether this thread takes numbers too small to be normal for 0, as not every processor can."""
    return not (torch.full((64,), _SMALL) * 1e-2).any()


def _touch() -> None:
    torch.empty(allocator.SIZE_BYTES, dtype=torch.uint8)[:: allocator.APART_BYTES].fill_(1)


def _pinned_core() -> int | None:
    """The one core that this process may use; ``None`` if it may use several."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    return min(cores) if len(cores) == 1 else None
