"""How the outputs for slices make up the output for the whole: the way of each tensor, found by comparing.

A tensor that has equal shapes for slices and whole (a mask, a table) must be the same in all. Any other tensor must
grow in one dimension, where the slices' tensors lie one after the other. A layer may have flattened an earlier
dimension into that one (``[time * batch, ...]``). Then they lie one after the other within each group of entries. Any
other way is refused.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from pipebench.models.own.values import Value, as_value, tensors_of


class Way(NamedTuple):
    """How slices are put together: in ``dimension`` (``None``: the same in all), with ``inner`` in each group."""

    dimension: int | None
    inner: bool = False


class Fault(NamedTuple):
    """A tensor that cannot be put together, by its place, and why: ``shape`` or ``values``."""

    place: int
    why: str


class Flow(NamedTuple):
    """What reaches a layer, and each tensor's way over the samples and over time."""

    value: Value
    ways: tuple[Way, ...]
    time_ways: tuple[Way, ...]


def difference(found: Tensor, expected: Tensor, floor: float = 0.0) -> float:
    """The largest difference, relative to the largest number expected (at least ``floor``).

    NaN counts as equal to NaN, and infinity to itself. Other shapes or dtypes give infinity.
    """
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return float("inf")
    if torch.equal(found, expected):
        return 0.0
    same = (found == expected) | (_is_nan(found) & _is_nan(expected))
    if not (found.is_floating_point() or found.is_complex()):
        return 0.0 if bool(same.all()) else float("inf")
    gap = (found - expected).abs().masked_fill(same, 0).nan_to_num(nan=float("inf")).max().item()
    finite = expected.abs().nan_to_num(nan=0.0, posinf=0.0)
    largest = max(finite.max().item(), floor)
    return 0.0 if gap == 0 else gap / largest if largest else float("inf")


def _is_nan(tensor: Tensor) -> Tensor:
    return tensor.ne(tensor)


def split(tensor: Tensor, way: Way, count: int, size: int) -> list[Tensor]:
    """The slices' tensors; ``size`` is a slice's number of samples or of time steps."""
    if way.dimension is None:
        return [tensor] * count
    if not way.inner:
        return [piece.contiguous() for piece in tensor.chunk(count, way.dimension)]
    grouped = _grouped(tensor, way.dimension, count * size)
    return [p.flatten(way.dimension, way.dimension + 1) for p in grouped.chunk(count, way.dimension + 1)]


def _grouped(tensor: Tensor, dimension: int, size: int) -> Tensor:
    """The tensor with the dimension made two: groups and their entries."""
    return tensor.reshape(*tensor.shape[:dimension], -1, size, *tensor.shape[dimension + 1 :])


def split_value(value: Value, ways: Sequence[Way], count: int, size: int) -> list[Value]:
    """``split`` for each tensor."""
    cuts = [split(tensor, way, count, size) for tensor, way in zip(tensors_of(value), ways, strict=True)]
    return [as_value(tensors, packed=isinstance(value, tuple)) for tensors in zip(*cuts, strict=True)]


def find_ways(
    whole: Value, parts: Sequence[Value], size: int, *, tolerance: float, floor: float
) -> tuple[Way, ...] | Fault:
    """Each tensor's way, or the fault of the first tensor that has none."""
    wholes, pieces = tensors_of(whole), [tensors_of(part) for part in parts]
    if any(
        len(piece) != len(wholes) or isinstance(p, tuple) != isinstance(whole, tuple)
        for piece, p in zip(pieces, parts, strict=True)
    ):
        return Fault(0, "shape")
    ways: list[Way] = []
    for place, tensor in enumerate(wholes):
        found = _find_way(tensor, [piece[place] for piece in pieces], size, tolerance, floor)
        if isinstance(found, str):
            return Fault(place, found)
        ways.append(found)
    return tuple(ways)


def _find_way(whole: Tensor, parts: list[Tensor], size: int, tolerance: float, floor: float) -> Way | str:
    if any(part.shape != parts[0].shape for part in parts):
        return "shape"
    candidates = list(_candidates(whole.shape, parts[0].shape, len(parts), size))
    for way in candidates:
        pairs = zip(parts, split(whole, way, len(parts), size), strict=True)
        if all(difference(part, expected, floor) <= tolerance for part, expected in pairs):
            return way
    return "values" if candidates else "shape"


def _candidates(whole: torch.Size, part: torch.Size, count: int, size: int) -> Iterator[Way]:
    """The ways that the shapes allow."""
    if whole == part:
        yield Way(None)
    if len(whole) != len(part):
        return
    grown = [d for d in range(len(whole)) if whole[d] != part[d]]
    if len(grown) != 1 or whole[grown[0]] != count * part[grown[0]]:
        return
    yield Way(grown[0])
    if part[grown[0]] > size and part[grown[0]] % size == 0:
        yield Way(grown[0], inner=True)


def varied(flow: Flow) -> Flow:
    """Make samples that are all alike differ a little, since alike ones hide that a layer mixes them."""
    tensors = [_varied(t, way) for t, way in zip(tensors_of(flow.value), flow.ways, strict=True)]
    return flow._replace(value=as_value(tensors, packed=isinstance(flow.value, tuple)))


def _varied(tensor: Tensor, way: Way) -> Tensor:
    if (
        way.dimension is None
        or way.inner
        or not tensor.is_floating_point()
        or tensor.shape[way.dimension] < 2
    ):
        return tensor
    if not bool((tensor == tensor.narrow(way.dimension, 0, 1)).all()):
        return tensor
    count = tensor.shape[way.dimension]
    shape = [count if d == way.dimension else 1 for d in range(tensor.dim())]
    step = torch.arange(count, dtype=tensor.dtype).square().reshape(shape) / (100 * count)
    return tensor + step
