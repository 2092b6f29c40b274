"""CUDA_VISIBLE_DEVICES, read as the CUDA driver reads it. Pure.

    0,2           numbers, as of C's strtol: white space before, a sign, and what stands behind the digits is ignored
    GPU-8f3c      a UUID, or the start of one that no other GPU shares
    MIG-...       a slice of a GPU by its whole name

The first entry that means no GPU ends the list; those before it stay. An entry that means a GPU which the list has
already leaves none at all: the driver takes such a list for a mistake. The first entry decides whether it is a list of
numbers or of UUIDs; one of the other kind means no GPU.
"""

import re
from collections.abc import Callable, Sequence

_NUMBER = re.compile(r"\s*([+-]?)([0-9]+)")
_UUIDS = ("GPU-", "MIG-")


def visible(
    asked: str | None, uuids: Sequence[str | None], is_slice: Callable[[str], bool]
) -> list[int | str]:
    """The GPUs that a process sees, in its order: their numbers among all, or the names of slices.

    Args:
        asked: the variable; ``None`` if it is not set, which shows all.
        uuids: of all GPUs in the order of nvidia-smi; ``None`` for one that does not answer.
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
    return next((prefix for prefix in _UUIDS if entry.strip().startswith(prefix)), "")


def _named(entry: str, uuids: Sequence[str | None], is_slice: Callable[[str], bool]) -> int | str | None:
    """The GPU or the slice that an entry means."""
    text = entry.strip()
    if text.startswith("MIG-"):
        return text if is_slice(text) else None
    if text.startswith("GPU-"):
        numbers = [number for number, uuid in enumerate(uuids) if uuid is not None and uuid.startswith(text)]
        return numbers[0] if len(numbers) == 1 else None
    number = _number(entry)
    return number if number is not None and number < len(uuids) and uuids[number] is not None else None


def _number(entry: str) -> int | None:
    """The number that an entry begins with, if it is none below 0."""
    found = _NUMBER.match(entry)
    if found is None or len(found[2]) > 9:
        return None
    number = int(found[2])
    return None if found[1] == "-" and number else number
