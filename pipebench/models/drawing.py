"""A model's first parameters. Each is drawn from its own generator, so it does not matter how the model is cut."""

import torch
from torch import Tensor

from pipebench.models.outline import Rows


def draw(
    parameter: Tensor, seed: int, name: str, bound: float, *, of: int | None = None, rows: Rows | None = None
) -> None:
    """Fill a parameter with U(-bound, bound).

    Args:
        parameter: to fill.
        seed: of the run.
        name: of the parameter, whatever part of the model has it.
        bound: of the numbers.
        of: how many rows the whole parameter has, if this one has only ``rows`` of it.
        rows: the rows that this one has.
    """
    generator = torch.Generator().manual_seed((seed * 1_000_003 + _stable_hash(name)) % 2**63)
    shape = parameter.shape if of is None else (of, *parameter.shape[1:])
    drawn = torch.empty(
        shape, dtype=parameter.dtype
    )  # on the CPU: the same numbers, wherever the parameter is
    drawn.uniform_(-bound, bound, generator=generator)
    with torch.no_grad():
        parameter.copy_(drawn if rows is None else drawn[rows.first : rows.end])


def _stable_hash(text: str) -> int:
    """The same number in every process (FNV-1a), unlike ``hash``."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value
