"""How near the pipeline's gradients came to the baseline's, in words."""

from pipebench.diagnosis.vanishing import vanished
from pipebench.records.figures import Verification
from pipebench.records.run import RunRecord

_LONG = 2  # words of a sequence that is long enough for recurrent weights to have gradients


def words_of(record: RunRecord) -> int:
    """How long a run's sequences are; without any, a length at which all gradients are there."""
    return record.config.sequence_length or _LONG


def verified_text(verification: Verification, words: int, *, clipping: float | None) -> str:
    """How near the gradients are, whether they were clipped, and how many are too small to tell."""
    equal = f"{_equal(verification)} (at most {verification.tolerance:.0e} allowed)"
    if verification.max_relative_parameter_error:  # an error of 0 is not mentioned
        equal += f", parameters after one update {verification.max_relative_parameter_error:.1e} off"
    if clipping is not None and verification.gradient_norm is not None:
        norm = verification.gradient_norm
        equal += f"; the norm of all is {norm:.3g}, " + (
            f"clipped to {clipping:g}" if norm > clipping else "too small to be clipped"
        )
    vanish = _vanish(verification, words)
    return f"{equal}; {vanish}: a wrong one would not show" if vanish else equal


def verified_in_short(record: RunRecord) -> tuple[str, ...]:
    """Whether a run was verified, the longest form first; each says how many gradients are too small to tell."""
    verification = record.verification
    if verification is None:
        return ("no: the pipeline's gradients were not compared with the baseline's",)
    vanish = _vanish(verification, words_of(record))
    equal, allowed = _equal(verification), f"{verification.tolerance:.0e} allowed"
    return (
        f"yes: {equal} (at most {allowed})" + (f"; {vanish}: a wrong one would not show" if vanish else ""),
        f"yes: {equal} ({allowed})" + (f"; {vanish}" if vanish else ""),
    )


def _equal(verification: Verification) -> str:
    return f"gradients equal the baseline's to {verification.max_relative_gradient_error:.1e}"


def _vanish(verification: Verification, words: int) -> str:
    """How many gradients are so small that a wrong one would not show; empty where none is."""
    names = vanished(verification, words)
    all_ = "" if verification.tensors is None else f" of {verification.tensors}"
    return f"{len(names)}{all_} vanish" if names else ""
