"""The user's layers, made anew for each use: with the seed, in the run's dtype, on a device."""

import copy
import inspect
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from pipebench.errors import UsageError
from pipebench.models.own.last_word import a, blamed, one_line
from pipebench.models.own.model import Model
from pipebench.models.own.settings import restored

# An optional second argument with such a name is no state: ``nn.ConvTranspose2d`` and attention layers have one.
_NO_STATE = {
    "output_size",
    "mask",
    "attn_mask",
    "attention_mask",
    "src_mask",
    "key_padding_mask",
    "padding_mask",
}


def torch_dtype(name: str) -> torch.dtype:
    """The dtype that torch calls by this name, such as ``float64``."""
    dtype = getattr(torch, name)
    assert isinstance(dtype, torch.dtype)
    return dtype


class OwnLayers:
    """Makes a model's layers, one at a time; equal seeds give equal parameters.

    Args:
        model: its fields are checked.
        seed: torch's generator is set to it before each function that makes a layer.
        dtype: of floating parameters and buffers, such as ``float32``.
    """

    def __init__(self, model: Model, *, seed: int, dtype: str) -> None:
        self._parts: list[Any] = list(model.layers)
        keys = list(model.layers._modules) if isinstance(model.layers, nn.Sequential) else []  # noqa: SLF001
        self._names: list[str | None] = [_name(part) for part in self._parts]
        for index, key in enumerate(keys):
            if not key.isdecimal():
                self._names[index] = one_line(key)
        self._seed, self._dtype = seed, torch_dtype(dtype)

    def __len__(self) -> int:
        return len(self._parts)

    @property
    def names(self) -> tuple[str, ...]:
        """Each layer's key in an ``nn.Sequential``, or its class's name; a function is called to learn its layer's."""
        return tuple(self.name(index) for index in range(len(self)))

    def name(self, index: int) -> str:
        """The name of one layer.

        Raises:
            UsageError: As ``raw``, if a function makes the layer and was not called before.
        """
        if self._names[index] is None:
            self.raw(index)
        name = self._names[index]
        assert name is not None
        return name

    def text(self, index: int) -> str:
        """What errors call a layer, such as ``layer 1 (Dropout)``; without a name until it has one."""
        name = self._names[index]
        return f"layer {index} ({name})" if name else f"layer {index}"

    def is_made(self, index: int) -> bool:
        """Whether a function makes the layer."""
        return not isinstance(self._parts[index], nn.Module)

    def given(self, index: int) -> nn.Module:
        """The user's own module, or what the function returns now; not to be run."""
        return self.raw(index) if self.is_made(index) else self._parts[index]

    def raw(self, index: int) -> nn.Module:
        """A layer as the user makes it: what the function returns after seeding, or a copy of the module.

        Raises:
            UsageError: The function raises or makes no module, or the module cannot be copied.
        """
        part = self._parts[index]
        if isinstance(part, nn.Module):
            return self._copied(index, part)
        torch.manual_seed(self._seed)
        with blamed(f"{self.text(index)}, made by its function"), restored():
            made = part()
        if not isinstance(made, nn.Module):
            raise UsageError(f"the function of {self.text(index)} returns {a(made)}; an nn.Module is needed")
        self._names[index] = self._names[index] or one_line(type(made).__name__)
        return made

    def _copied(self, index: int, part: nn.Module) -> nn.Module:
        remedy = "; it cannot be copied: give a function that makes the layer"
        with blamed(self.text(index), remedy):
            copied = copy.deepcopy(part)
        if not all(parameter.is_leaf for parameter in copied.parameters()):  # torch.jit's
            raise UsageError(f"{self.text(index)}: its copy has no parameters to train{remedy}")
        return copied

    def make(self, index: int, device: torch.device | None = None) -> nn.Module:
        """A layer to train: in the dtype, on the device (by default the CPU), in the mode that the user left it in.

        Raises:
            UsageError: As ``raw``; or its parameters have no values.
        """
        return self.converted(index, self.raw(index), device)

    def converted(self, index: int, module: nn.Module, device: torch.device | None = None) -> nn.Module:
        """Convert what ``raw`` made into what ``make`` gives.

        Raises:
            UsageError: Its parameters have no values.
        """
        self.check_values(index, module)

        def convert(tensor: Tensor) -> Tensor:  # as nn.Module.to does it, but complex numbers stay complex
            return tensor.to(device or "cpu", self._dtype if tensor.is_floating_point() else None)

        with blamed(self.text(index)):
            made: nn.Module = module._apply(convert)  # type: ignore[no-untyped-call]  # noqa: SLF001
            return _in_its_mode(made)

    def converted_notices(self, index: int) -> list[str]:
        """A notice if the user made the layer in a floating dtype that is neither float32 nor the run's."""
        dtypes = {tensor.dtype for _, tensor in state_of(self.given(index)) if tensor.is_floating_point()}
        others = sorted(str(dtype).removeprefix("torch.") for dtype in dtypes - {self._dtype, torch.float32})
        if not others:
            return []
        run = str(self._dtype).removeprefix("torch.")
        return [
            f"{self.text(index)} was made in {', '.join(others)} and runs in {run}: --dtype converts all layers"
        ]

    def check_values(self, index: int, module: nn.Module) -> None:
        """Check that parameters and buffers have values.

        Raises:
            UsageError: One waits for its shape, or is on the meta device.
        """
        for name, tensor in state_of(module):
            if is_lazy(tensor):
                raise UsageError(f"{self.text(index)}: {name} has no shape before it is run; give its sizes")
            if tensor.is_meta:
                raise UsageError(f"{self.text(index)}: {name} is on the meta device and has no values")


def _in_its_mode(module: nn.Module) -> nn.Module:
    """Put a module in training mode, unless the user left it in evaluation mode; parts in evaluation mode stay so."""
    if not module.training:
        return module
    fixed = [part for part in module.modules() if not part.training]
    module.train()
    for part in fixed:
        part.training = False
    return module


def _name(part: object) -> str | None:
    """The class's name; ``None`` for a function."""
    if isinstance(part, nn.Module):
        return one_line(type(part).__name__)
    return one_line(part.__name__) if isinstance(part, type) else None


def stateful(module: nn.Module) -> bool:
    """Whether a layer is called with a state: its ``forward`` takes two positional arguments.

    A second argument without a default is a state, if no third one is needed. An optional second argument is a state if
    it is the last, its default is ``None`` and its name is not that of a mask or a size. So ``hx=None`` of ``nn.LSTM``
    is a state, and ``scale=1.0`` is not.
    """
    try:
        parameters = inspect.signature(module.forward).parameters.values()
    except (ValueError, TypeError):
        return False
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    positional = [parameter for parameter in parameters if parameter.kind in kinds]
    needed = sum(parameter.default is parameter.empty for parameter in positional)
    if len(positional) == 2 and needed < 2:
        return positional[1].default is None and positional[1].name not in _NO_STATE
    return needed == 2


def state_of(module: nn.Module) -> list[tuple[str, Tensor]]:
    """Parameters and buffers with their names."""
    return [*module.named_parameters(), *module.named_buffers()]
