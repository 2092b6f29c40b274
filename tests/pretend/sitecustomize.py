"""Installs the pretence in every measuring process of a run, once torch is there and before it is used."""

import builtins
import os
from typing import Any

_import = builtins.__import__


def _install_before(name: str, *arguments: Any, **options: Any) -> Any:
    if name == "pipebench.runtime.pair":
        builtins.__import__ = _import
        from tests.pretend import gpu

        gpu.install(nccl=os.environ.get("PRETEND_NCCL", "1") == "1", count=int(os.environ["PRETEND_GPUS"]))
    return _import(name, *arguments, **options)


if "PRETEND_GPUS" in os.environ:
    builtins.__import__ = _install_before
