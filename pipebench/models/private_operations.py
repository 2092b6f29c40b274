"""Tries operations that torch keeps private before they are used: any version of torch may change them."""

from collections.abc import Iterable

import torch
from torch import Tensor

NOT_THERE = (AttributeError, NotImplementedError, RuntimeError, TypeError)
_RIGHT = 1e-5  # the largest error, over the norm of the float64 result


@torch.no_grad()
def are_right(cases: Iterable[tuple[Tensor, Tensor]]) -> bool:
    """Whether operations are there, and agree with float64.

    Args:
        cases: what was found and what is expected of each; they may raise one of ``NOT_THERE`` while they are made.
    """
    try:
        return all(
            (found.double() - expected).norm() <= _RIGHT * expected.norm() for found, expected in cases
        )
    except NOT_THERE:
        return False
