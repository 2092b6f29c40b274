"""The user's batches: drawn, checked, counted and cut."""

import hashlib
from collections.abc import Iterable
from math import isfinite
from typing import NamedTuple

import torch
from torch import Tensor

from pipebench.errors import UsageError
from pipebench.models.fingerprints import hashes
from pipebench.models.own.last_word import a, blamed
from pipebench.models.own.layers import torch_dtype
from pipebench.models.own.model import Model
from pipebench.models.own.values import Value, as_value, checked, mapped, shapes, tensors_of, to_dtype


class Batch(NamedTuple):
    """What a step is trained on."""

    input: Value
    target: Value


def batches(model: Model, *, size: int, seed: int, dtype: str, count: int = 4) -> list[Batch]:
    """``count`` batches drawn in turn from one generator of this seed, floating tensors in this dtype.

    Raises:
        UsageError: The user's function raises, or gives no tensors, wrong sizes, or shapes that differ.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = [_draw(model, size, generator, dtype) for _ in range(count)]
    for number, batch in enumerate(drawn):
        _check_sizes(model, batch, size)
        if _shapes(batch) != _shapes(drawn[0]):
            raise UsageError(
                f"batch number {number} has the shapes {_shapes(batch)}, the first one {_shapes(drawn[0])};"
                " all must have the same"
            )
    return drawn


def _draw(model: Model, size: int, generator: torch.Generator, dtype: str) -> Batch:
    with blamed(f"batch({size}, generator)"):
        made = model.batch(size, generator)
    if not isinstance(made, tuple) or len(made) != 2:
        raise UsageError(f"batch({size}, generator) returns {a(made)}; a tuple (input, target) is needed")
    pair = [checked(value, f"the batch's {name}") for name, value in zip(Batch._fields, made, strict=True)]
    with blamed(f"batch({size}, generator)"):
        return Batch(*(to_dtype(mapped(value, _plain), torch_dtype(dtype)) for value in pair))


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu()


def _shapes(batch: Batch) -> str:
    return f"{shapes(batch.input)} and {shapes(batch.target)}"


def _named(batch: Batch) -> list[tuple[str, Tensor]]:
    """Each tensor with a name such as ``the batch's target``, in a tuple with its number."""
    return [
        (f"the batch's {name}{f'[{index}]' if isinstance(value, tuple) else ''}", tensor)
        for name, value in zip(Batch._fields, batch, strict=True)
        for index, tensor in enumerate(tensors_of(value))
    ]


def _check_sizes(model: Model, batch: Batch, size: int) -> None:
    dimension, time = model.batch_dimension, model.time_dimension
    named = _named(batch)
    for name, tensor in named:
        shape = list(tensor.shape)
        if tensor.dim() <= dimension or shape[dimension] != size:
            raise UsageError(
                f"{name} has the shape {shape}; {size} is needed in dimension {dimension} (the batch)"
            )
        if time is not None and tensor.dim() <= time:
            raise UsageError(f"{name} has the shape {shape}, without dimension {time} (time)")
        if time is not None and (shape[time] != named[0][1].shape[time] or shape[time] < 1):
            raise UsageError(
                f"{name} has the shape {shape}, {named[0][0]} {list(named[0][1].shape)};"
                f" equal lengths of at least 1 are needed in dimension {time} (time)"
            )


def time_length(model: Model, batch: Batch) -> int | None:
    """The length of the batch's tensors along time; ``None`` if the model is not cut along time."""
    return None if model.time_dimension is None else tensors_of(batch.input)[0].shape[model.time_dimension]


def items(model: Model, target: Value, size: int) -> float:
    """How many items a batch has: ``model.items(target)``, or its size.

    Raises:
        UsageError: The user's function raises, or returns no finite number above 0.
    """
    if model.items is None:
        return float(size)
    with blamed("items(target)"):
        counted = model.items(target)
    try:
        number = float(counted)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise UsageError(f"items(target) returns {a(counted)}; a number above 0 is needed") from None
    if not isfinite(number) or number <= 0:
        raise UsageError(f"items(target) returns {number:g}; a number above 0 is needed")
    return number


def cut(
    value: Value, *, batch_dimension: int, time_dimension: int | None, microbatches: int, chunks: int
) -> list[list[Value]]:
    """The slices [microbatch][chunk], contiguous in memory or as channels last; both numbers must divide evenly."""
    whole = [[value]]
    if microbatches > 1:
        whole = [[piece] for piece in _pieces(value, batch_dimension, microbatches)]
    if chunks > 1:
        assert time_dimension is not None, "chunks need a time dimension"
        whole = [_pieces(piece, time_dimension, chunks) for [piece] in whole]
    return [[mapped(piece, _in_one_piece) for piece in row] for row in whole]


def _in_one_piece(tensor: Tensor) -> Tensor:
    """Make a tensor contiguous, but keep channels last: users may choose it, since some layers are faster with it."""
    is_last = tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
    return tensor if is_last else tensor.contiguous()


def _pieces(value: Value, dimension: int, count: int) -> list[Value]:
    """Equal pieces along a dimension."""
    cuts = [tensor.tensor_split(count, dimension) for tensor in tensors_of(value)]
    assert all(tensor.shape[dimension] % count == 0 for tensor in tensors_of(value)), "slices are equal"
    return [as_value(tensors, packed=isinstance(value, tuple)) for tensors in zip(*cuts, strict=True)]


def digest(drawn: Iterable[Batch]) -> str:
    """SHA-256 of the batches' bytes, shapes and dtypes, in turn."""
    total = hashlib.sha256()
    for batch in drawn:
        for name, value in hashes(_named(batch)).items():
            total.update(f"{name} {value}\n".encode())
    return total.hexdigest()
