"""What baseline or pipeline computed, and how the two are judged."""

from math import nan
from typing import NamedTuple

from pipebench.launching import messages
from pipebench.launching.faults import VARIABLE, injected, wrong_tensor
from pipebench.measuring.verification import check_same_start, update_error, verify
from pipebench.models.network import Gradients, Part
from pipebench.models.tolerances import gradient_tolerance
from pipebench.records.figures import Verification


class Computed(NamedTuple):
    """The start (fingerprints of parameters and buffers by name), the gradients and the loss of one step."""

    start: dict[str, str]
    gradients: Gradients
    loss: float


def judge(job: messages.Job, reference: Computed, found: Computed) -> Verification:
    """Compare what the pipeline computed with the reference.

    Raises:
        RunFailedError: They differ by more than the tolerance, or start from different parameters.
    """
    check_same_start(reference.start, found.start)
    gradients = found.gradients
    lost = wrong_tensor()
    if lost is not None:
        assert lost in gradients, f"{VARIABLE}: there is no parameter {lost!r}"
        gradients = {**gradients, lost: None}
    if injected("mismatch"):
        gradients = {name: g * 1.001 if g is not None else None for name, g in gradients.items()}
    return verify(
        reference.gradients,
        gradients,
        expected_loss=reference.loss,
        loss=nan if injected("nan") else found.loss,
        tolerance=_tolerance(job),
    )


def judge_update(job: messages.Job, expected: Gradients, found: Gradients) -> float:
    """The largest error of the pipeline's parameters, after it and the baseline were updated with the same gradients.

    Raises:
        RunFailedError: The error is larger than the tolerance.
    """
    return update_error(expected, found, tolerance=_tolerance(job))


def take_gradients(part: Part, gradients: Gradients) -> None:
    """Give a part's parameters copies of these gradients; its optimizer may write into the copies."""
    for name, parameter in part.named():
        gradient = gradients.get(name)
        parameter.grad = None if gradient is None else gradient.clone().to(parameter.device)


def _tolerance(job: messages.Job) -> float:
    """How far baseline and pipeline may differ."""
    return gradient_tolerance(job.config.dtype, job.config.kind, job.config.outline.positions)
