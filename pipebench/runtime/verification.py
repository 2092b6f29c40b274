"""Verification: the pipeline must compute what the baseline computes, before anything is timed."""

from collections.abc import Mapping
from math import isfinite

import torch
from torch import Tensor

from pipebench.errors import RunFailedError
from pipebench.records.schema import Verification
from pipebench.workload import GRADIENT_TOLERANCE

LOSS_TOLERANCE = 1e-4  # relative
_TOGETHER = 4  # steps over which rounding does not grow beyond it


def verify(
    expected: Mapping[str, Tensor | None],
    found: Mapping[str, Tensor | None],
    *,
    expected_loss: float,
    loss: float,
    dtype: str,
) -> Verification:
    """Compare loss and every gradient of one step.

    Raises:
        RunFailedError: They differ by more than the dtype's tolerance, or are not finite.
    """
    check_finite("baseline", expected_loss)
    check_finite("pipeline", loss)
    if expected.keys() != found.keys():
        odd = sorted(expected.keys() ^ found.keys())
        raise RunFailedError(f"verification: baseline and pipeline do not share the parameters {odd}")
    errors = {name: relative_error(expected[name], found[name]) for name in expected}
    errors["loss"] = abs(loss - expected_loss) / abs(expected_loss)
    worst = max(errors, key=lambda name: errors[name] if isfinite(errors[name]) else float("inf"))
    if not errors[worst] <= GRADIENT_TOLERANCE[dtype]:
        raise RunFailedError(
            f"verification: {worst} of the pipeline differs from the baseline by {errors[worst]:.1e} relative, "
            f"expected at most {GRADIENT_TOLERANCE[dtype]:.0e}; there is no speed-up, since it would mean nothing"
        )
    del errors["loss"]
    return Verification(
        max_relative_gradient_error=max(errors.values()),
        tolerance=GRADIENT_TOLERANCE[dtype],
        loss=loss,
        baseline_loss=expected_loss,
    )


def relative_error(expected: Tensor | None, found: Tensor | None) -> float:
    """norm(found - expected) / norm(expected), in float64; a missing gradient is all zeros."""
    if expected is None or found is None:
        other = expected if found is None else found
        return 0.0 if other is None or not other.any() else float("inf")
    reference = expected.to("cpu", torch.float64)
    norm, difference = reference.norm(), (found.to("cpu", torch.float64) - reference).norm()
    return float(difference / norm) if norm else float(difference)


def check_finite(name: str, loss: float) -> None:
    """Refuse a loss that is NaN or infinite."""
    if not isfinite(loss):
        raise RunFailedError(
            f"the {name}'s loss is {loss}: expected a finite number; its gradients are lost too"
        )


def check_same_loss(baseline: float, pipeline: float, *, steps: int) -> None:
    """Baseline and pipeline train side by side on the same batches: their losses start together.

    After ``steps`` of each. Rounding grows while training, so later on only a finite loss is asked for.
    """
    check_finite("baseline", baseline)
    check_finite("pipeline", pipeline)
    if steps <= _TOGETHER and abs(pipeline - baseline) > LOSS_TOLERANCE * abs(baseline):
        raise RunFailedError(
            f"verification: the pipeline's loss {pipeline:.6f} left the baseline's {baseline:.6f} while training"
        )
