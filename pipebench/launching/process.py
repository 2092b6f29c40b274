"""Settings of a measuring process: allocator, threads, core, parent. Runs before torch is imported.

By default glibc gives large blocks back to the kernel after each use. Then a training step on the CPU costs 100,000
page faults. Nearly all come from the large tensors of a whole-batch baseline, almost none from small microbatches, so
the pipeline would look too good. Three ``mallopt`` calls keep the memory (a known effect: libeigen/eigen issue 3201).
A fourth setting turns off the cache of small freed blocks. It must be set when the process starts. Blocks in that
cache split the heap, so that the next whole-batch step needs new pages. The baseline and the pipeline run in the same
process, under the same rules.
"""

import ctypes
import errno
import os
import sys
import threading

from pipebench.launching.rendezvous.alone import without_ranks
from pipebench.system import leash, refusals

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4


def prepare(*, parent: int) -> None:
    """Prepare this process to measure, and tie it to the process with the id ``parent``.

    Torch must not have been imported yet: it reads the thread variables once.
    """
    assert "torch" not in sys.modules, "prepare before torch is imported"
    _end_with_parent(parent)
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        os.environ[variable] = "1"
    keep_memory()


def prepare_for_gpus() -> None:
    """Set what CUDA and NCCL read once, before torch is imported.

    GPUs are numbered as nvidia-smi numbers them. A receive is a kernel that runs until its message is there, so other
    kernels must not queue behind it (hardware queues, blocking launches) or have to be loaded while it runs. No setting
    may replace float32 by TF32. NCCL's watchdog must not abort a rank that loses another one: that rank would look
    like the culprit, and the launcher ends all ranks anyway.
    """
    assert "torch" not in sys.modules, "prepare before torch is imported"
    os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    os.environ["CUDA_DEVICE_MAX_CONNECTIONS"] = "32"
    os.environ["CUDA_MODULE_LOADING"] = "EAGER"
    os.environ["TORCH_NCCL_ASYNC_ERROR_HANDLING"] = "0"
    os.environ["TORCH_NCCL_ENABLE_MONITORING"] = "0"
    for variable in (
        *("CUDA_LAUNCH_BLOCKING", "TORCH_NCCL_BLOCKING_WAIT", "NCCL_BLOCKING_WAIT"),
        *("NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE"),
    ):
        os.environ.pop(variable, None)


_TUNABLE = "glibc.malloc.tcache_count=0"


def start_environment() -> dict[str, str]:
    """The environment to start a measuring process with, without ranks that an outer launcher set."""
    environment = without_ranks(os.environ)
    if not _default_allocator():
        given = environment.get("GLIBC_TUNABLES")
        environment["GLIBC_TUNABLES"] = f"{given}:{_TUNABLE}" if given else _TUNABLE
    return environment


def keep_memory() -> None:
    """Tell glibc to keep freed memory. With another allocator this has no effect: see ``measuring.allocator``."""
    if _default_allocator():
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    settings = ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, -1), (_M_TOP_PAD, 256 * 2**20))
    for parameter, value in settings:
        mallopt(parameter, value)


def _default_allocator() -> bool:
    """Whether to leave the allocator's settings as they are, to show their effect: see benchmarks/noise."""
    return os.environ.get("PIPEBENCH_ALLOCATOR") == "default"


def pin(rank: int) -> int | None:
    """Pin this process to one core and give its number; rank 0 has the last allowed one. ``None`` if not possible."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    cores = sorted(os.sched_getaffinity(0), reverse=True)
    core = cores[rank % len(cores)]
    try:
        os.sched_setaffinity(0, {core})
    except OSError:  # a sandbox may forbid it
        return None
    return core


def _end_with_parent(parent: int) -> None:
    """End this process when its parent is gone: by the kernel on Linux, by a closed pipe everywhere."""
    leash.tie_to(parent)
    try:
        threading.Thread(target=_wait_for_end, daemon=True).start()
    except RuntimeError as error:
        with refusals.told("a launch cannot be started"):
            raise OSError(errno.EAGAIN, str(error)) from error


def _wait_for_end() -> None:
    """Wait until standard input ends: it is a pipe from the parent that carries nothing and ends with the parent."""
    while os.read(0, 1):
        pass
    os._exit(1)
