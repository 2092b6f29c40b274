"""Plain SGD, as ``torch.optim.SGD`` without momentum does it on a CPU.

Not the stock one only because making it imports torch's compiler: a second of every launch's start.
"""

from collections.abc import Iterable

import torch
from torch import nn


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
        """Update all parameters that have a gradient."""
        with torch.no_grad():
            for parameter in self.parameters:
                if parameter.grad is not None:
                    parameter.add_(parameter.grad, alpha=-self.learning_rate)
