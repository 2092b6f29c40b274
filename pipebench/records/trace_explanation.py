"""What ``explain --from`` prints: where the time of a run went that another program measured. Schema version 1."""

from typing import Literal

from pipebench.records.explanation import ReplayRecord, WaterfallStep, WhatIf
from pipebench.records.figures import Bubble, DeviceUsage
from pipebench.records.schema import Count, Name, NotNegative, Positive, Schema, Stored, WarningRecord
from pipebench.records.trace import OtherTotal, TraceFile, TracePlan


class ExplainedStep(Stored, frozen=True):
    """Where the time of one recorded step went; of waiting, transfer and idle time the mean over devices."""

    step: int
    replica: Count
    measured_s: Positive
    bubble: NotNegative
    waiting_s: NotNegative
    transfer_s: NotNegative
    idle_s: NotNegative


class TraceExplanation(Stored, frozen=True, kw_only=True):
    """All seconds are of whoever recorded the run, those of ``what_if`` and ``replay`` simulated.

    Over all steps: ``devices_busy`` is the product of the waterfall, busy time / length, of ``devices`` as many; the
    table by device is the mean. ``steps`` are by themselves.
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
