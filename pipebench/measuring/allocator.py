"""What the memory allocator of this process really does, found by trying it.

``process.keep_memory`` asks glibc to keep freed memory. Whether that came true is another question: tensors may come
from another library's ``malloc`` (LD_PRELOAD), which answers no such request, or answers it and does otherwise.
"""

import ctypes
import resource
from collections.abc import Callable
from pathlib import Path

SIZE_BYTES = 64 * 2**20  # above 32 MiB, which glibc keeps in any case once it has met such a block
APART_BYTES = 2**16  # between the pages that are touched: enough of them to count, few enough to cost nothing
_TRIES = 8  # a freed block that the next one does not quite fit in is used a few blocks later
_FEWEST = 16  # pages: 64 MiB are 32 pages where they are as large as they get
_NEXT_TO_NONE = 0.1


def page_faults() -> int:
    """Minor page faults of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def keeps_memory(touch: Callable[[], None], count: Callable[[], int] = page_faults) -> bool | None:
    """Whether freed memory is used again with its pages in place; ``None`` where that cannot be told.

    Args:
        touch: allocates ``SIZE_BYTES`` as tensors do, writes to it every ``APART_BYTES``, and frees it.
        count: how many page faults this process has met so far; default: as the system counts.
    """

    def met() -> int:
        before = count()
        touch()
        return count() - before

    first = met()
    if first < _FEWEST:
        return None
    return any(met() <= _NEXT_TO_NONE * first for _ in range(_TRIES))


def shared_object() -> str | None:
    """The file that tensors have their memory from, such as ``libc.so.6``; ``None`` where that cannot be told."""
    try:
        process = ctypes.CDLL(None)
        address = ctypes.cast(process.posix_memalign, ctypes.c_void_p)  # as torch calls it
        found = _Found()
        known = process.dladdr(address, ctypes.byref(found))
    except (AttributeError, OSError, TypeError):
        return None
    return Path(found.file.decode(errors="replace")).name if known and found.file else None


class _Found(ctypes.Structure):
    """``Dl_info`` of dladdr(3)."""

    _fields_ = (
        ("file", ctypes.c_char_p),
        ("base", ctypes.c_void_p),
        ("symbol", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
    )
