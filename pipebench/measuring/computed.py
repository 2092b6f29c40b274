"""What one side of a pair computed, and the judgement on two of them."""

from math import nan
from typing import NamedTuple

from pipebench.launching import messages
from pipebench.launching.faults import VARIABLE, injected, wrong_tensor
from pipebench.measuring.verification import check_same_start, update_error, verify
from pipebench.models.network import Gradients, Part
from pipebench.models.tolerances import gradient_tolerance
from pipebench.records.figures import Verification


class Computed(NamedTuple):
    """From which parameters and buffers (fingerprints by name), the gradients and the loss."""

    start: dict[str, str]
    gradients: Gradients
    loss: float


def judge(job: messages.Job, reference: Computed, found: Computed) -> Verification:
    """Hold what the pipeline computed against the reference."""
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
    """Hold the pipeline's parameters after its update against the reference's after one with the same gradients."""
    return update_error(expected, found, tolerance=_tolerance(job))


def take_gradients(part: Part, gradients: Gradients) -> None:
    """Give a part's parameters copies of these gradients, which its optimizer may write into."""
    for name, parameter in part.named():
        gradient = gradients.get(name)
        parameter.grad = None if gradient is None else gradient.clone().to(parameter.device)


def _tolerance(job: messages.Job) -> float:
    """How far the two may be apart."""
    return gradient_tolerance(job.config.dtype, job.config.kind, job.config.outline.positions)
