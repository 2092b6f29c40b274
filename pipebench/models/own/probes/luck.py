"""Tells whether code draws random numbers, by Python's, numpy's and torch's generators before and after it."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def luck(seed: int) -> Iterator[None]:
    """Set all generators to this seed for the code inside, and set them back afterwards."""
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
    """The state of all generators; equal before and after if nothing was drawn."""
    kind, keys, *rest = np.random.get_state()
    return (
        random.getstate(),
        kind,
        np.asarray(keys).tobytes(),
        *rest,
        torch.get_rng_state().numpy().tobytes(),
    )
