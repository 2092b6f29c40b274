"""Plain SGD, as ``torch.optim.SGD`` without momentum does it on a CPU; and the same with the gradients' norm clipped.

torch's own SGD would do, but making one imports torch's compiler, which takes a second of every launch's start.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

_ALMOST_NOTHING = 1e-6  # added to the norm, as ``torch.nn.utils.clip_grad_norm_`` does


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
        """Update all parameters that have a gradient; on a GPU in few kernels, as torch's own SGD does."""
        self._update(self.learning_rate)

    def _update(self, rate: float) -> None:
        updated: list[Tensor] = [parameter for parameter in self.parameters if parameter.grad is not None]
        gradients = [parameter.grad for parameter in updated if parameter.grad is not None]
        with torch.no_grad():
            if updated and updated[0].is_cuda and not any(gradient.is_sparse for gradient in gradients):
                torch._foreach_add_(updated, gradients, alpha=-rate)
                return
            for parameter, gradient in zip(updated, gradients, strict=True):
                parameter.add_(gradient, alpha=-rate)


def _squared_norm(gradient: Tensor) -> Tensor:
    """The square of a gradient's norm in float64, added up over the norms of its rows.

    Over 5 million numbers at once torch's float32 norm is wrong by 1e-4. Row by row it takes no longer, while float64
    throughout would take forty times as long.
    """
    if gradient.dim() < 2:
        return gradient.double().square().sum()
    rows: Tensor = torch.linalg.vector_norm(gradient, dim=-1)
    return rows.double().square().sum()


class ClippedSGD(SGD):
    """parameter -= learning_rate * gradient * min(1, most / norm), with the norm of all gradients of the model.

    An optimizer of only some of the model's parameters must be told that norm by ``clip`` before each ``step``. Without
    it the optimizer takes its own parameters to be all.

    Args:
        parameters: to update.
        learning_rate: of a step.
        most: the norm beyond which gradients are scaled down.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], learning_rate: float, most: float) -> None:
        super().__init__(parameters, learning_rate)
        self.most = most
        self._squared_norm: Tensor | None = None

    def squared_norm(self) -> Tensor:
        """The square of the norm of these parameters' gradients, float64 [1]; a sparse one is coalesced first."""
        total = torch.zeros(1, dtype=torch.float64)
        with torch.no_grad():
            for parameter in self.parameters:
                gradient = parameter.grad
                if gradient is None:
                    continue
                if gradient.is_sparse:
                    gradient = parameter.grad = gradient.coalesce()
                    gradient = gradient.values()
                total = total.to(gradient.device) + _squared_norm(gradient)
        return total

    def clip(self, squared_norm: Tensor) -> None:
        """Take note of the square of the norm of all gradients, for the next update."""
        self._squared_norm = squared_norm

    def step(self) -> None:
        """Update all parameters that have a gradient."""
        squared_norm = self.squared_norm() if self._squared_norm is None else self._squared_norm
        self._squared_norm = None
        scale = (self.most / (squared_norm.sqrt() + _ALMOST_NOTHING)).clamp(max=1.0)
        if not scale.is_cuda:
            self._update(self.learning_rate * float(scale))
            return
        with torch.no_grad():
            for parameter in self.parameters:
                if parameter.grad is not None:
                    add_scaled(parameter, parameter.grad, scale, alpha=-self.learning_rate)


def add_scaled(parameter: Tensor, gradient: Tensor, scale: Tensor, *, alpha: float) -> None:
    """Add alpha * scale * gradient to a parameter. The scale is on the device, so the host need not wait for it.

    The gradient is not changed, so that it can be read after the update.
    """
    scale = scale.to(parameter.dtype)
    if gradient.is_sparse:
        rows = gradient.coalesce()
        scaled = torch.sparse_coo_tensor(
            rows.indices(), rows.values() * scale, rows.shape, is_coalesced=True, check_invariants=False
        )
        parameter.add_(scaled, alpha=alpha)
    else:
        parameter.addcmul_(gradient, scale, value=alpha)
