"""Plain SGD, as ``torch.optim.SGD`` without momentum does it on a CPU.

Not the stock one only because making it imports torch's compiler: a second of every launch's start.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class SGD:
    """parameter -= learning_rate * gradient."""

    def __init__(self, parameters: Iterable[nn.Parameter], learning_rate: float) -> None:
        self.parameters = list(parameters)
        self.learning_rate = learning_rate

    def zero_grad(self) -> None:
        """Free all gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self) -> None:
        """Update all parameters that have a gradient; on a GPU in few kernels, as the stock one does."""
        updated: list[Tensor] = [parameter for parameter in self.parameters if parameter.grad is not None]
        gradients = [parameter.grad for parameter in updated if parameter.grad is not None]
        with torch.no_grad():
            if updated and updated[0].is_cuda:
                torch._foreach_add_(updated, gradients, alpha=-self.learning_rate)
                return
            for parameter, gradient in zip(updated, gradients, strict=True):
                parameter.add_(gradient, alpha=-self.learning_rate)
