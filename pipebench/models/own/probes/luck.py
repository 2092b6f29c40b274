"""Whether code draws random numbers: Python's, numpy's and torch's generators before and after."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def luck(seed: int) -> Iterator[None]:
    """All generators at this seed inside, and as they were afterwards."""
    before = (random.getstate(), np.random.get_state(), torch.get_rng_state())
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed % 2**63)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])


def generators() -> tuple[object, ...]:
    """Where they stand; equal if nothing was drawn."""
    kind, keys, *rest = np.random.get_state()
    return (
        random.getstate(),
        kind,
        np.asarray(keys).tobytes(),
        *rest,
        torch.get_rng_state().numpy().tobytes(),
    )
