"""Gradients that vanish: too small to be verified. Pure."""

from pipebench.config.run_config import RunConfig
from pipebench.records.figures import Verification
from pipebench.records.schema import WarningRecord
from pipebench.warning_codes import WarningCode


def vanished(verification: Verification, length: int) -> list[str]:
    """The tensors whose gradients vanish; in sequences of length 1 recurrent weights have no gradients at all."""
    return [name for name in verification.vanishing if length > 1 or "weight_hh" not in name]


def vanishing(config: RunConfig, verification: Verification | None) -> WarningRecord | None:
    """The warning of gradients too small to be verified."""
    if verification is None:
        return None
    names = vanished(verification, config.outline.time or 1)
    if not names:
        return None
    fewer = config.outline.row.option or "layers"
    where = config.outline.where(names)
    return WarningRecord(
        code=WarningCode.VANISHING_GRADIENTS,
        cause=f"the gradients of {len(names)} of {verification.tensors} tensors vanish ({where or names[0]}): they are "
        "so small beside the others that a wrong one would not show, and these layers hardly learn",
        next_step=f"use fewer {fewer} if they are to learn; what is timed is the same work either way",
    )
