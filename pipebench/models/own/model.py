"""``pipebench.Model``: the user's own layers, given in Python. Imports no torch, so ``import pipebench`` is quick.

    layers   in order; each takes and returns a tensor, or a tuple of tensors as one argument
    loss     of the last layer's output against the target, summed over the items
    batch    makes the input and the target of a step

The same training step is measured on one device and on several: parameters stay as these layers make them, and are
copied for both.
"""

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import torch
    from torch import Tensor, nn

    Tensors = Tensor | tuple[Tensor, ...]
    Layer = nn.Module | Callable[[], nn.Module]


@dataclass(frozen=True)
class Model:
    """What ``pipebench run --model FILE.py:NAME`` measures. ``NAME`` is a ``Model``, or a function that returns one.

    Args:
        layers: modules (copied for each use), functions or classes without arguments that make one, or an
            ``nn.Sequential``. Each layer takes one argument and returns one value, each a tensor or a tuple of them.
            Between layers tensors may have any shape that is equal for all slices of a batch; integer and bool ones
            carry no gradient. A layer whose ``forward`` takes two arguments has a state: ``forward(input, state)``
            returns ``(output, state)``, the first state is ``None``; it needs ``time_dimension``.
        loss: ``loss(output, target)``, the loss summed over the items that it is given. The run divides by the items of
            the whole batch.
        batch: ``batch(size, generator)`` returns ``(input, target)``, each a tensor or a tuple of tensors. The same
            state of the ``torch.Generator`` gives the same batch.
        unit: what throughput counts, such as ``samples`` or ``words``.
        items: ``items(target)``, how many units a batch has; by default the batch's size.
        batch_size: the default of ``--batch``.
        batch_dimension: the dimension of all the batch's tensors that microbatches cut.
        time_dimension: the dimension of all the batch's tensors that chunks cut. ``None``: time is not cut.
        optimizer: a function from parameters to a ``torch.optim.Optimizer``, called for each device's own parameters;
            by default SGD without momentum, at a rate of 0.1.
        name: for records and reports; by default made of the file's name and ``NAME``.
    """

    layers: "Sequence[Layer] | nn.Sequential"
    loss: "Callable[[Any, Any], Tensor]"
    batch: "Callable[[int, torch.Generator], tuple[Tensors, Tensors]]"
    _: KW_ONLY
    unit: str = "samples"
    items: "Callable[[Any], float] | None" = None
    batch_size: int = 64
    batch_dimension: int = 0
    time_dimension: int | None = None
    optimizer: "Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer] | None" = None
    name: str | None = None
