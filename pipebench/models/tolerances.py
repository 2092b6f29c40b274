"""How far two computations of the same gradient may be apart. Pure."""

from pipebench.plan.device_kind import DeviceKind

# Relative, between computations of the same in another order. Rounding grows with what is added up: on a CPU the
# default step's 4,096 positions are 2e-6 apart, 64,000 were 1.2e-5, 25,600 in a wavefront of 8 layers 2.6e-5. A GPU
# adds up large products in pieces: on an H100 talk8 in 4 slices was 1.1e-5 apart. In float64 such runs are 1e-15 apart.
_TOLERANCE = {"float32": 1e-5, "float64": 1e-10}
_POSITIONS = 4096  # the tolerance is for so many; more positions get more of it, in proportion
# With this one a wholly wrong tensor is still found if its norm is above 1e-7 of the norm of all gradients.
LARGEST_TOLERANCE = 1e-4


def gradient_tolerance(dtype: str, device: DeviceKind, positions: int) -> float:
    """How far a gradient may be from the baseline's, relative.

    Args:
        dtype: that is computed in.
        device: that computes the step.
        positions: of one step's batch, padding included.
    """
    usual = _TOLERANCE[dtype]
    if dtype != "float32":
        return usual
    return (
        LARGEST_TOLERANCE
        if device.has_gpu
        else min(usual * max(positions / _POSITIONS, 1.0), LARGEST_TOLERANCE)
    )
