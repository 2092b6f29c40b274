"""Verification: the pipeline must compute what the baseline computes, before anything is timed.

    the same parameters   by fingerprint
    the same loss, the same gradients, on one batch
    the same update       if both optimizers get the pipeline's gradients

An optimizer can turn a small difference into a large one (Adam makes a whole step of a gradient that is only rounding).
So the update is compared with gradients that are equal to the last bit.

A gradient's error is divided by its own norm, or by a thousandth of the norm of all gradients if that is larger. A
gradient that is 0 in exact arithmetic, or that has vanished on its way through many layers, is only rounding in
baseline and pipeline. Its error has no relation to its own size. A gradient that is entirely wrong is found if its norm
is more than ``FLOOR`` x tolerance x the norm of all gradients. Smaller gradients are listed as vanishing.
"""

from collections.abc import Mapping
from math import hypot, inf, isfinite
from typing import NamedTuple

import torch
from torch import Tensor

from pipebench.errors import RunFailedError
from pipebench.records.figures import Verification

FLOOR = 1e-3  # as a share of the norm of all gradients
LOSS_TOLERANCE = 1e-4  # relative
_LOSS_FLOOR = 1.0  # even a small cross-entropy is a difference of numbers of this size
_TOGETHER = 4  # steps in which rounding stays below the loss tolerance

Gradients = Mapping[str, Tensor | None]  # by the parameter's name; a missing one is all zeros


def verify(
    expected: Gradients, found: Gradients, *, expected_loss: float, loss: float, tolerance: float
) -> Verification:
    """Compare loss and every gradient of one step, in float64.

    Raises:
        RunFailedError: They differ by more than the tolerance, are not finite or not of the same parameters, or all of
            the baseline's gradients are 0.
    """
    check_finite("baseline", expected_loss)
    check_finite("pipeline", loss)
    if expected.keys() != found.keys():
        odd = sorted(expected.keys() ^ found.keys())
        raise RunFailedError(f"verification: baseline and pipeline do not share the parameters {odd}")
    errors, shares, norm = relative_errors(expected, found)
    worst = max(errors, key=lambda name: errors[name])
    if errors[worst] > tolerance:
        wrong = sum(error > tolerance for error in errors.values())
        raise RunFailedError(
            f"verification: {worst} of the pipeline differs from the baseline by {errors[worst]:.1e} of its norm "
            f"(or of {FLOOR:g} x the norm of all gradients, if that is larger), expected at most {tolerance:.0e}; "
            f"{wrong} of {len(errors)} gradients differ by more; there is no speed-up, since it would mean nothing"
        )
    loss_error = _loss_error(expected_loss, loss)
    if loss_error > tolerance:
        raise RunFailedError(
            f"verification: the loss of the pipeline differs from the baseline's by {loss_error:.1e} relative "
            f"({loss:.9g} and {expected_loss:.9g}), expected at most {tolerance:.0e}"
        )
    return Verification(
        max_relative_gradient_error=errors[worst],
        tolerance=tolerance,
        loss=loss,
        baseline_loss=expected_loss,
        tensors=len(shares),
        vanishing=[name for name, share in shares.items() if share <= FLOOR * tolerance],
        gradient_norm=norm,
    )


def check_same_start(baseline: Mapping[str, str], pipeline: Mapping[str, str]) -> None:
    """Check by fingerprints that both start from the same parameters and buffers.

    Raises:
        RunFailedError: They start from different ones.
    """
    odd = sorted(
        name for name in baseline.keys() | pipeline.keys() if baseline.get(name) != pipeline.get(name)
    )
    if odd:
        raise RunFailedError(
            f"verification: baseline and pipeline do not start from the same {odd[0]}"
            + (f" (and {len(odd) - 1} more differ)" if len(odd) > 1 else "")
            + ": the code that makes the layers must make the same ones each time, and no step may change a buffer"
        )


def update_error(expected: Gradients, found: Gradients, *, tolerance: float) -> float:
    """The largest error of a parameter after one update with the same gradients, relative as for gradients.

    Raises:
        RunFailedError: The error is larger than the tolerance.
    """
    errors = relative_errors(expected, found, "parameters").errors
    worst = max(errors, key=lambda name: errors[name])
    if errors[worst] > tolerance:
        raise RunFailedError(
            f"verification: after one update with the same gradients {worst} of the pipeline differs from the "
            f"baseline's by {errors[worst]:.1e}, expected at most {tolerance:.0e}: the optimizer computes something "
            "else if it has only some of the parameters (a norm over all of them, random numbers); use one that "
            "updates each parameter by itself"
        )
    return errors[worst]


class Errors(NamedTuple):
    """Each tensor's error, its norm as a share of the norm of all, and the norm of all; norms are the baseline's."""

    errors: dict[str, float]
    shares: dict[str, float]
    norm: float


_ONE = {"gradients": "gradient of", "parameters": "updated parameter"}


def relative_errors(expected: Gradients, found: Gradients, what: str = "gradients") -> Errors:
    """How far each tensor is from the baseline's.

    Raises:
        RunFailedError: A tensor is not finite or has another shape, or the baseline's are all 0 or too large.
    """
    norms, distances = {}, {}
    for name in expected:
        one = f"{_ONE[what]} {name}"
        reference = _exact("baseline", one, expected[name])
        candidate = _exact("pipeline", one, found[name])
        norms[name], distances[name] = _norm(reference), _distance(one, reference, candidate)
    whole = hypot(*norms.values())
    if whole == inf:
        raise RunFailedError(f"verification: the {what} of the baseline are too large for float64")
    if not whole:
        raise RunFailedError(
            f"verification: all {what} of the baseline are 0, so nothing can be verified: use another input, --seed or "
            "larger sizes"
        )
    shares = {name: norm / whole for name, norm in norms.items()}
    errors = {name: distances[name] / whole / max(share, FLOOR) for name, share in shares.items()}
    return Errors(errors, shares, whole)


def _exact(side: str, one: str, gradient: Tensor | None) -> Tensor | None:
    """The gradient in float64 on the CPU; a sparse one stays sparse, with each row once."""
    exact = None
    if gradient is not None:
        real = torch.view_as_real(gradient.detach().resolve_conj()) if gradient.is_complex() else gradient
        exact = real.detach().to("cpu", torch.float64)
        exact = exact.coalesce() if exact.is_sparse else exact
    if exact is not None and not _numbers(exact).isfinite().all():
        raise RunFailedError(f"verification: the {side}'s {one} is not finite")
    return exact


def _distance(one: str, reference: Tensor | None, candidate: Tensor | None) -> float:
    """norm(candidate - reference), where a missing tensor is all zeros."""
    if reference is None or candidate is None:
        return _norm(candidate if reference is None else reference)
    if reference.shape != candidate.shape:
        raise RunFailedError(
            f"verification: the pipeline's {one} has the shape {tuple(candidate.shape)}, the baseline's "
            f"{tuple(reference.shape)}"
        )
    if candidate.is_sparse and reference.is_sparse:
        return _norm((candidate - reference).coalesce())
    return _norm(candidate.to_dense() - reference.to_dense())


def _norm(tensor: Tensor | None) -> float:
    """The Euclidean norm, without overflow or underflow on the way; 0 if there is no tensor."""
    numbers = None if tensor is None else _numbers(tensor)
    largest = float(numbers.abs().max()) if numbers is not None and numbers.numel() else 0.0
    if numbers is None or largest in (0, inf):
        return largest
    return largest * float((numbers / largest).norm())


def _numbers(tensor: Tensor) -> Tensor:
    """All elements of a tensor; of a sparse one, those that are stored."""
    return tensor.values() if tensor.is_sparse else tensor


def _loss_error(expected: float, found: float) -> float:
    """How far two losses are apart, relative to the expected one, or to 1 if that is smaller."""
    return abs(found - expected) / max(abs(expected), _LOSS_FLOOR)


def check_finite(name: str, loss: float) -> None:
    """Refuse a loss that is NaN or infinite.

    Raises:
        RunFailedError: The loss is NaN or infinite.
    """
    if not isfinite(loss):
        raise RunFailedError(
            f"the {name}'s loss is {loss}: expected a finite number; its gradients are lost too"
        )


def check_same_loss(baseline: float, pipeline: float, *, steps: int) -> None:
    """Compare the losses of baseline and pipeline after ``steps`` steps of each on the same batches.

    Rounding grows while training. So after the first steps both losses only have to be finite.

    Raises:
        RunFailedError: They differ too much, or are not finite.
    """
    check_finite("baseline", baseline)
    check_finite("pipeline", pipeline)
    if steps <= _TOGETHER and _loss_error(baseline, pipeline) > LOSS_TOLERANCE:
        raise RunFailedError(
            f"verification: the pipeline's loss {pipeline:.6f} left the baseline's, {baseline:.6f}, in training"
        )
