"""One GPU poses as several, so that all of ``--device cuda`` runs on it: to check what is computed, not to time it.

Put this folder first on PYTHONPATH and set ONE_GPU_AS=N. Every rank then computes on GPU 0. Messages go through pinned
host memory, since NCCL before 2.30 takes no two ranks on one GPU. With a newer one (LD_PRELOAD may name it) set
NCCL_MULTI_RANK_GPU_ENABLE=1, which is its own switch for that, and messages go through NCCL. Nothing else of pipebench
is touched.
"""

import importlib.abc
import importlib.machinery
import os
import sys

COUNT = int(os.environ.get("ONE_GPU_AS", "0"))
BY_NCCL = os.environ.get("NCCL_MULTI_RANK_GPU_ENABLE") == "1"


def share_device(module):
    """Every rank's device is the first one, and torch has no NCCL unless that takes several ranks on a GPU."""
    import torch
    import torch.distributed

    made, name = module.CudaDevice.__init__, torch.cuda.get_device_name
    module.CudaDevice.__init__ = lambda self, _: made(self, 0)
    torch.cuda.get_device_name = lambda _=0: name(0)
    if not BY_NCCL:
        torch.distributed.is_nccl_available = lambda: False


def repeat_gpus(module):
    """The driver's list holds the visible GPU so many times."""
    found, read = module.gpus, module.readings
    module.gpus = lambda: found() * COUNT
    module.readings = lambda: read() * COUNT


PATCHES = {"pipebench.engine.gpu": share_device, "pipebench.telemetry.gpus": repeat_gpus}


class Finder(importlib.abc.MetaPathFinder):
    """Patches a module once it has been imported."""

    def find_spec(self, name, path, target=None):  # noqa: ARG002 - the protocol's signature
        """Find it as usual, and patch it behind its own code."""
        if name not in PATCHES:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        own = spec.loader.exec_module

        def patched(module):
            own(module)
            PATCHES[name](module)

        spec.loader.exec_module = patched
        return spec


if COUNT:
    sys.meta_path.insert(0, Finder())
