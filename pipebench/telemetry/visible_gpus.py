"""CUDA_VISIBLE_DEVICES, read as the CUDA driver reads it. Pure.

    0,2           numbers, as of C's strtol: white space before, a sign, and what stands behind the digits is ignored;
                  of a very large one the low 32 bits count
    GPU-8f3c      a UUID, or the start of one that no other GPU shares, in either case; what stands behind its digits
                  is ignored, white space before it is not
    MIG-...       a slice of a GPU by its whole name

Read off driver 580 on an H100 with some sixty values; slices were not tried.

The first entry that means no GPU ends the list; those before it stay. If an entry means a GPU that the list has
already, no GPU is visible at all: the driver takes such a list for a mistake. The first entry decides whether it is a
list of numbers or of UUIDs; an entry of the other kind means no GPU.
"""

import re
from collections.abc import Callable, Sequence

_NUMBER = re.compile(r"[ \t-\r]*([+-]?[0-9]+)")
_UUID = re.compile("GPU-([0-9a-f][0-9a-f-]*)", re.IGNORECASE)
_UUIDS = ("GPU-", "MIG-")
_LONG, _INT = 2**63, 2**32


def visible(
    asked: str | None, uuids: Sequence[str | None], is_slice: Callable[[str], bool]
) -> list[int | str]:
    """The GPUs that a process sees, in its order: their numbers among all, or the names of slices.

    Args:
        asked: the variable; ``None`` if it is not set, which shows all.
        uuids: those of all GPUs in the order of nvidia-smi; ``None`` for one that does not answer.
        is_slice: whether the driver knows a slice of this name.
    """
    if asked is None:
        return [number for number, uuid in enumerate(uuids) if uuid is not None]
    entries = asked.split(",")
    kind = _kind(entries[0])
    found: list[int | str] = []
    for entry in entries:
        gpu = _named(entry, uuids, is_slice) if _kind(entry) == kind else None
        if gpu is None:
            break
        if gpu in found:
            return []
        found.append(gpu)
    return found


def _kind(entry: str) -> str:
    """``GPU-``, ``MIG-``, or empty for what should be a number."""
    return next((prefix for prefix in _UUIDS if entry.startswith(prefix)), "")


def _named(entry: str, uuids: Sequence[str | None], is_slice: Callable[[str], bool]) -> int | str | None:
    """The GPU or the slice that an entry means."""
    if entry.startswith("MIG-"):
        return entry.rstrip() if is_slice(entry.rstrip()) else None
    if entry.startswith("GPU-"):
        return _of_uuid(entry, uuids)
    number = _number(entry)
    return number if number is not None and number < len(uuids) and uuids[number] is not None else None


def _of_uuid(entry: str, uuids: Sequence[str | None]) -> int | None:
    """The only GPU whose UUID starts like this."""
    found = _UUID.match(entry)
    if found is None:
        return None
    start = found[1].lower()
    numbers = [
        number
        for number, uuid in enumerate(uuids)
        if uuid is not None and uuid.lower().removeprefix("gpu-").startswith(start)
    ]
    return numbers[0] if len(numbers) == 1 else None


def _number(entry: str) -> int | None:
    """The number that an entry begins with, if it is 0 or more: it is read as a C long, and cut to an int."""
    found = _NUMBER.match(entry)
    if found is None:
        return None
    sign, digits = (-1 if found[1][0] == "-" else 1), found[1].lstrip("+-").lstrip("0") or "0"
    value = sign * int(digits) if len(digits) < 20 else sign * _LONG  # strtol stops at its largest
    low = max(min(value, _LONG - 1), -_LONG) % _INT
    return low if low < _INT // 2 else None
