"""A measuring process: allocator, threads, core, parent. Runs before torch is imported.

glibc gives large blocks back to the kernel after each use, so a training step on the CPU pays for 100,000
page faults, nearly all on the large tensors of a whole-batch baseline and almost none on small
microbatches: the pipeline would be flattered. Three ``mallopt`` calls keep the memory (a known effect:
libeigen/eigen issue 3201). A fourth setting, which must be there when the process starts, turns off the
cache of small freed blocks: they stay where they were, split the heap, and the next whole-batch step needs
new pages. The baseline and the pipeline run in the same process, under the same rules.
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
    """Make this process fit to measure in, and tie it to the process ``parent``.

    Torch must not have been imported: it reads the thread variables once.
    """
    assert "torch" not in sys.modules, "prepare before torch is imported"
    _end_with_parent(parent)
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        os.environ[variable] = "1"
    keep_memory()


def prepare_for_gpus() -> None:
    """Settings that CUDA and NCCL read once, before torch is imported.

    GPUs count as nvidia-smi counts them. A receive is a kernel that runs until its message is there: other
    kernels must neither queue behind it (hardware queues, blocking launches) nor have to be loaded while
    it runs. Nothing may put TF32 in the place of the float32 that is asked for. A rank that loses another one must not
    be aborted by NCCL's watchdog: it would look like the culprit, and the launcher ends all ranks anyway.
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
    """The environment that a measuring process must be started with; its rank is ours to tell."""
    environment = without_ranks(os.environ)
    if not _default_allocator():
        given = environment.get("GLIBC_TUNABLES")
        environment["GLIBC_TUNABLES"] = f"{given}:{_TUNABLE}" if given else _TUNABLE
    return environment


def keep_memory() -> None:
    """Tell glibc to keep freed memory; without effect where memory is not glibc's: see ``allocator``."""
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
    """Whether the allocator is to stay as it is, to show the effect: see benchmarks/noise."""
    return os.environ.get("PIPEBENCH_ALLOCATOR") == "default"


def pin(rank: int) -> int | None:
    """Stay on one core, the last one allowed for rank 0; ``None`` where the system offers no pinning."""
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
    """Standard input is a pipe from the parent that nobody writes to: it ends when the parent does."""
    while os.read(0, 1):
        pass
    os._exit(1)
