"""What a pipeline's speed-up is made of. Schema version 1, see ``schema``.

    devices 8.00  x dear slices 0.79  x fill and drain 0.70  x ...  x unexplained 0.99  =  speed-up 3.44

Factors multiply, in their order, up to what was measured.
"""

from typing import Literal

from pipebench.plan.device_kind import DeviceKind
from pipebench.records.figures import Bubble, DeviceUsage
from pipebench.records.schema import (
    Clock,
    Count,
    Name,
    NotNegative,
    Positive,
    Schema,
    Stored,
    WarningRecord,
)


class WaterfallStep(Stored, frozen=True):
    """One factor of a speed-up: below 1 it is a loss, above 1 a gain; ``what`` says in words what causes it.

    The first step is ``devices`` with their number, the last one ``unexplained``; the product of all is the speed-up.
    ``remedy`` is what may help. ``gain`` is how many times as fast the step would then be by simulation; with a larger
    batch, how many times as large the throughput. ``command`` is a command that does it, if there is one.
    """

    step: Name
    factor: Positive
    what: str
    remedy: str | None = None
    gain: Positive | None = None
    command: str | None = None


class ReplayedStep(Stored, frozen=True):
    """A recorded step, and how long it took on paper when it was run again as it was."""

    step: Count
    replica: Count
    measured_s: NotNegative
    simulated_s: NotNegative


class ReplayRecord(Stored, frozen=True):
    """All recorded steps, run again."""

    steps: list[ReplayedStep]


class WhatIf(Stored, frozen=True):
    """A change, as it was written, and how long the step would then take: the mean over replicas and steps.

    ``gain`` is how many times as fast that is, ``speedup`` what the speed-up would be. ``before_s`` is the same step
    simulated without the change, which the gain is relative to.
    """

    change: str
    step_s: NotNegative
    gain: Positive | None
    speedup: Positive | None = None
    before_s: NotNegative | None = None


class ExplanationRecord(Stored, frozen=True, kw_only=True):
    """What ``explain --json`` prints. Seconds are by ``clock``; in ``what_if`` and ``replay`` they are simulated."""

    schema: Schema = Schema()
    kind: Literal["explanation"] = "explanation"
    record: Name
    status: Literal["completed", "aborted", "failed"]
    device: DeviceKind
    clock: Clock
    speedup: Positive
    waterfall: list[WaterfallStep]
    bubble: Bubble
    devices: list[DeviceUsage]
    replay: ReplayRecord
    what_if: list[WhatIf]
    warnings: list[WarningRecord]
