"""Settings that the user's code may change but must not leave behind: threads, default dtype, device, gradients.

A measuring process has one thread, and baseline and pipeline compute in the run's dtype on the run's device. A user's
file may set these otherwise, for a training script of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def restored() -> Iterator[None]:
    """Set all back after the user's code has run inside."""
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    gradients, device = torch.is_grad_enabled(), torch.get_default_device()
    deterministic, flushes = torch.are_deterministic_algorithms_enabled(), _flushes_denormals()
    try:
        yield
    finally:
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)
        torch.set_default_device(None if device.type == "cpu" else device)
        torch.set_grad_enabled(gradients)
        torch.use_deterministic_algorithms(deterministic)
        torch.set_flush_denormal(flushes)


def _flushes_denormals() -> bool:
    return not bool(torch.tensor(1e-310, dtype=torch.float64) * 1.0)
