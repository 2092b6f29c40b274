"""Gradients of a pipeline that are held against a baseline's."""

import torch
from torch import Tensor

from pipebench.measuring.verification import relative_errors, verify
from pipebench.models.tolerances import gradient_tolerance
from pipebench.plan.device_kind import DeviceKind
from pipebench.records.figures import Verification

ONES = torch.ones(4)


def held(
    expected: dict[str, Tensor | None], found: dict[str, Tensor | None], dtype: str = "float32"
) -> Verification:
    """Gradients against gradients; the losses agree."""
    return verify(
        expected,
        found,
        expected_loss=1.0,
        loss=1.0,
        tolerance=gradient_tolerance(dtype, DeviceKind.EMULATED, 4096),
    )


def error(expected: Tensor | None, found: Tensor | None, beside: float) -> float:
    """The error of one tensor beside another one of norm ``beside``, which is right."""
    other = torch.tensor([beside])
    errors, *_ = relative_errors({"a": expected, "b": other}, {"a": found, "b": other})
    return errors["a"]
