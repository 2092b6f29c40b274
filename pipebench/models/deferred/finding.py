"""Finds the linear layers of a part whose weights' gradients can wait."""

from collections import Counter
from collections.abc import Mapping

from torch import Tensor, nn

from pipebench.models.network import Part
from pipebench.models.projection import Projection


def linear_layers(part: Part | nn.Module) -> list[nn.Linear]:
    """The part's plain linear layers: their weights are trained and not shared, and no other code wraps them."""
    modules = list(dict.fromkeys(part.modules()))
    owners = Counter(id(parameter) for module in modules for parameter in module.parameters(recurse=False))
    return [module for module in modules if isinstance(module, nn.Linear) and _is_plain(module, owners)]


def _is_plain(module: nn.Linear, owners: Mapping[int, int]) -> bool:
    """Whether a layer is plain. A subclass is not: it may compute something else, as a parametrized layer does."""
    named = dict(module.named_parameters(recurse=False))
    weight = named.get("weight")
    return (
        type(module) in {nn.Linear, Projection}
        and weight is not None
        and weight.requires_grad
        and weight.is_floating_point()
        and named.keys() <= {"weight", "bias"}
        and ("bias" in named or module.bias is None)
        and all(owners[id(each)] == 1 and not _has_hooks(each) for each in named.values())
        and not _is_wrapped(module)
    )


def _has_hooks(parameter: Tensor) -> bool:
    """Whether a parameter has hooks, which want to see each gradient."""
    return bool(parameter._backward_hooks) or bool(parameter._post_accumulate_grad_hooks)  # noqa: SLF001


def _is_wrapped(module: nn.Module) -> bool:
    """Whether a module has hooks or a replaced ``forward``: weight norm, say, makes the weight anew before each one."""
    hooks = (
        *(module._forward_hooks, module._forward_pre_hooks),  # noqa: SLF001
        *(module._backward_hooks, module._backward_pre_hooks),  # noqa: SLF001
    )
    return "forward" in vars(module) or any(hooks)
