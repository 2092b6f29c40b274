"""One linear layer whose weight's gradient may wait: its ``forward`` is replaced by the one here.

The layer runs as usual where nothing can wait: without autograd, under autocast, compiled, with other weights than its
own, or with an input that is no plain tensor.

Shape suffixes: N rows, H inputs, V outputs.
"""

import weakref
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from pipebench.models.deferred.products import Blas, Products, onednn, summed
from pipebench.models.projection import Projection


class LayerCall(NamedTuple):
    """What W takes of one call of a layer; ``versions`` tell whether the two tensors were written into since."""

    layer: "Linear"
    input_: Tensor  # [N, H]
    gradient: Tensor  # [N, V]
    versions: tuple[int, int]


class Keeper(Protocol):
    """Keeps calls that wait for W."""

    def keeps(self, call: LayerCall) -> bool:
        """Take the call and return true; false means that its gradient is needed now."""


class Linear:
    """A linear layer of a part, whose ``forward`` this replaces.

    Args:
        module: its weight and bias get their gradients; it is not kept alive.
        keeper: is offered what W takes.
    """

    def __init__(self, module: nn.Linear, keeper: Keeper) -> None:
        self.weight, self.bias, self.keeper = module.weight, module.bias, keeper
        uses_onednn = isinstance(module, Projection) and module.uses_onednn
        self.products: Products = onednn() if uses_onednn else Blas()
        self._module = weakref.ref(module)
        module.forward = self.forward  # type: ignore[method-assign]

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - as nn.Linear calls it
        """The layer's output: [..., H] -> [..., V]."""
        module = self._module()
        assert module is not None, "only the module itself calls this"
        if not self._can_wait(module, input):
            return type(module).forward(module, input)
        # The function takes rows alone: an output that is a view made inside it could not be written into, as an
        # in-place ReLU does.
        input_NH = input.flatten(0, -2) if input.dim() > 1 else input[None]
        output_NV: Tensor = _Rows.apply(input_NH, self.weight, self.bias, self)  # type: ignore[no-untyped-call]
        return output_NV if input.dim() == 2 else output_NV.view(*input.shape[:-1], len(self.weight))

    def _can_wait(self, module: nn.Linear, input_: Tensor) -> bool:
        return (
            torch.is_grad_enabled()
            and type(input_) in {Tensor, nn.Parameter}
            and input_.layout == torch.strided
            and input_.dim() > 0
            and input_.dtype == self.weight.dtype
            and module.weight is self.weight
            and module.bias is self.bias
            and self.weight.requires_grad
            and not torch.is_autocast_enabled(input_.device.type)
            and not torch.compiler.is_compiling()
        )

    @torch.no_grad()
    def add_gradients(self, calls: Sequence[LayerCall]) -> None:
        """W: add the gradients of these calls to the parameters', by the cheapest number of products."""
        for gradient_NV, input_NH in _pieces(calls, self.products.few):
            total_VH = _dense(self.weight.grad)
            self.weight.grad = self.products.add_to(total_VH, gradient_NV, input_NH)
            if self.bias is not None and self.bias.requires_grad:
                sum_V, total_V = summed(gradient_NV), _dense(self.bias.grad)
                self.bias.grad = sum_V if total_V is None else total_V.add_(sum_V)


class _Rows(torch.autograd.Function):
    """The layer on rows [N, H]. Its backward gives all gradients, or the input's alone if the keeper takes the rest."""

    @staticmethod
    def forward(
        ctx: Any, input_NH: Tensor, weight_VH: Tensor, bias_V: Tensor | None, layer: Linear
    ) -> Tensor:
        """The output [N, V]."""
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(input_NH, weight_VH)
        ctx.layer = layer
        return layer.products.output(input_NH, weight_VH, bias_V)

    @staticmethod
    def backward(ctx: Any, gradient_NV: Tensor | None) -> tuple[Tensor | None, ...]:
        """The gradients; of differentiable products, if autograd is to differentiate the gradients again."""
        if gradient_NV is None:
            return None, None, None, None
        input_NH, weight_VH = ctx.saved_tensors
        layer: Linear = ctx.layer
        products = Blas() if torch.is_grad_enabled() else layer.products
        wants_input, wants_weight, wants_bias, _ = ctx.needs_input_grad
        of_input_NH = products.of_input(gradient_NV, weight_VH) if wants_input else None
        if not torch.is_grad_enabled() and _is_added_up(ctx.next_functions[1][0]):
            versions = input_NH._version, gradient_NV._version  # noqa: SLF001
            if layer.keeper.keeps(LayerCall(layer, input_NH, gradient_NV, versions)):
                return of_input_NH, None, None, None
        of_weight_VH = products.add_to(None, gradient_NV, input_NH) if wants_weight else None
        return of_input_NH, of_weight_VH, gradient_NV.sum(0) if wants_bias else None, None


def _is_added_up(leaf: Any) -> bool:
    """Whether this backward adds to ``.grad``; ``torch.autograd.grad`` in the user's own code does not."""
    try:
        return bool(torch._C._will_engine_execute_node(leaf))  # noqa: SLF001
    except RuntimeError:  # it is asked for this very gradient
        return False


def _pieces(calls: Sequence[LayerCall], few: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Gradients and inputs as they are; if they are short, all rows in one piece."""
    gradients = [call.gradient for call in calls]
    inputs = [call.input_ for call in calls]
    if len(calls) > 1 and sum(map(len, inputs)) < few * len(calls):
        return iter([(torch.cat(gradients), torch.cat(inputs))])
    return iter(zip(gradients, inputs, strict=True))


def _dense(gradient: Tensor | None) -> Tensor | None:
    """A dense gradient to add to. A sparse one comes from an embedding that uses the weight too."""
    return gradient.to_dense() if gradient is not None and gradient.is_sparse else gradient
