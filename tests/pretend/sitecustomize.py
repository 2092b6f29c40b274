"""Installs the pretence in every measuring process of a run, once torch is there and before it is used."""

import builtins
import importlib.metadata
import os
from typing import Any

_import = builtins.__import__


def _install_before(name: str, *arguments: Any, **options: Any) -> Any:
    if name == "pipebench.measuring.pair":
        builtins.__import__ = _import
        from tests.pretend import gpu

        shown = os.environ.get("CUDA_VISIBLE_DEVICES")
        count = int(os.environ["PRETEND_GPUS"]) if shown is None else len(shown.split(","))
        gpu.install(nccl=os.environ.get("PRETEND_NCCL", "1") == "1", count=count)
        if "PRETEND_TIMES" in os.environ:
            gpu.slow_down([float(times) for times in os.environ["PRETEND_TIMES"].split(",")])
        if "PRETEND_MOST_LAYERS" in os.environ:
            gpu.hold_at_most(int(os.environ["PRETEND_MOST_LAYERS"]))
    return _import(name, *arguments, **options)


if "PRETEND_GPUS" in os.environ:
    _version = importlib.metadata.version
    importlib.metadata.version = lambda name: _version(name).removesuffix("+cpu")
    if os.environ.get("PRETEND_TORCH", "1") == "1":
        builtins.__import__ = _install_before
