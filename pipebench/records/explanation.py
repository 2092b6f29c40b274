"""What a pipeline's speed-up is made of. Schema version 1, as ``schema``.

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
    """One factor of a speed-up: below 1 it is lost, above 1 won; ``what`` says to what, in words.

    The first step is ``devices`` with their number, the last one ``unexplained``; the product of all is the speed-up.
    ``remedy`` is what may help, and ``gain`` how many times as fast the step would be by simulation if it does; with a
    larger batch, how many times as large the throughput. ``command`` is what does it, where anything does.
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
    """A change, as it was written, and the step's time that would be: the mean over replicas and steps.

    ``gain`` is how many times as fast that is, ``speedup`` what the speed-up would be. ``before_s`` is the same step
    simulated without the change, which the gain is of.
    """

    change: str
    step_s: NotNegative
    gain: Positive | None
    speedup: Positive | None = None
    before_s: NotNegative | None = None


class ExplanationRecord(Stored, frozen=True, kw_only=True):
    """What ``explain --json`` prints. All seconds are of ``clock``, those of ``what_if`` and ``replay`` simulated."""

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
