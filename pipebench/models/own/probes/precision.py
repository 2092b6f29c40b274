"""How exact a layer is that is given float64: some layers compute in a less exact dtype inside."""

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

TOLERANCES = {torch.float64: 1e-10, torch.float32: 1e-5, torch.float16: 1e-2, torch.bfloat16: 5e-2}


class Precision(TorchDispatchMode):
    """Keeps the tolerance of the least exact floating dtype that any operation inside gives."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.tolerance = TOLERANCES[torch.float64]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor) and tensor.is_floating_point():
                self.tolerance = max(self.tolerance, TOLERANCES.get(tensor.dtype, 0.5))
        return result
