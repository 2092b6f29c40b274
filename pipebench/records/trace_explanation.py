"""What ``explain --from`` prints: where the time of a run went that another program measured. Schema version 1."""

from typing import Literal

from pipebench.records.explanation import ReplayRecord, WaterfallStep, WhatIf
from pipebench.records.figures import Bubble, DeviceUsage
from pipebench.records.schema import Count, Name, NotNegative, Positive, Schema, Stored, WarningRecord
from pipebench.records.trace import OtherTotal, TraceFile, TracePlan


class ExplainedStep(Stored, frozen=True):
    """Where the time of one recorded step went; waiting, transfer and idle time are means over devices."""

    step: int
    replica: Count
    measured_s: Positive
    bubble: NotNegative
    waiting_s: NotNegative
    transfer_s: NotNegative
    idle_s: NotNegative


class TraceExplanation(Stored, frozen=True, kw_only=True):
    """What ``explain --from`` prints. Seconds are as recorded; in ``what_if`` and ``replay`` they are simulated.

    ``devices_busy`` is how many devices are busy on average over all steps, and the product of the waterfall.
    ``devices`` is the mean over all steps. ``steps`` has each step by itself.
    """

    schema: Schema = Schema()
    kind: Literal["explanation"] = "explanation"
    evidence: Literal["foreign"] = "foreign"
    record: Name
    status: Literal["completed"] = "completed"
    clock: Literal["wall"] = "wall"
    files: list[TraceFile]
    plan: TracePlan
    devices_busy: Positive
    waterfall: list[WaterfallStep]
    bubble: Bubble
    devices: list[DeviceUsage]
    replay: ReplayRecord
    what_if: list[WhatIf]
    steps: list[ExplainedStep]
    totals: list[OtherTotal]
    warnings: list[WarningRecord]
