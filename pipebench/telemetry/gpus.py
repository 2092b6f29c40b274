"""How many NVIDIA GPUs there are, asked of the driver: no torch is imported to count them."""

from pipebench.errors import EnvironmentRefusedError


def gpu_count() -> int:
    """GPUs the driver shows, 0 without a driver."""
    import pynvml  # noqa: PLC0415 - only where GPUs matter

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return 0
    try:
        return int(pynvml.nvmlDeviceGetCount())
    finally:
        pynvml.nvmlShutdown()


def require_gpus(needed: int) -> None:
    """Refuse a run on GPUs.

    Raises:
        EnvironmentRefusedError: There are too few, or this version cannot use them yet.
    """
    found = gpu_count()
    if found < needed:
        raise EnvironmentRefusedError(
            f"--device cuda: expected {needed} GPUs, found {found}; use --device emulated to emulate {needed}"
            if found
            else f"--device cuda: expected {needed} GPUs, found none (no NVIDIA driver or no GPU); "
            f"use --device emulated to emulate {needed} devices on this CPU"
        )
    raise EnvironmentRefusedError(
        f"--device cuda: {found} GPUs found, but this version does not use GPUs yet; use --device emulated"
    )
