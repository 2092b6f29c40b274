"""The record of a run that another program measured. Schema version 1, as ``schema``.

All seconds are of the wall clock, by whoever recorded the run; ``simulated_s`` is what its step takes when the order
and the lengths of its forwards and backwards are run again on paper. A step lasts from the start of its first forward
to the end of its last backward.
"""

from statistics import fmean
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from pipebench.records.explanation import WaterfallStep
from pipebench.records.schema import (
    AtLeastOne,
    Bubble,
    Count,
    DeviceUsage,
    Failure,
    Name,
    NotNegative,
    Part,
    Positive,
    Schema,
    TimelineRecord,
    WarningRecord,
)


class TraceFile(Part, frozen=True):
    """A file that was read: a span table, or a trace of ``torch.profiler``."""

    path: str
    kind: Literal["spans", "torch-profiler"]
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    rows: Count


class TracePlan(Part, frozen=True):
    """What the run's steps consist of: ``device_of`` each stage, and whether the backward is in halves, I and W."""

    stages: AtLeastOne
    devices: AtLeastOne
    microbatches: AtLeastOne
    device_of: Annotated[list[Count], Meta(min_length=1)]
    split_backward: bool = False


class TraceStep(Part, frozen=True):
    """One recorded step of one replica, and how long its replay takes; ``busy_s`` of all devices together."""

    step: int
    replica: Count
    measured_s: Positive
    simulated_s: NotNegative
    busy_s: NotNegative


class TraceLaunch(Part, frozen=True):
    """One run that was recorded."""

    steps: Annotated[list[TraceStep], Meta(min_length=1)]

    @property
    def step_s(self) -> float:
        """The mean over replicas and steps."""
        return fmean(each.measured_s for each in self.steps)

    def bubble(self, devices: int) -> float:
        """1 - busy / (devices x length), over all steps together."""
        whole_s = devices * sum(each.measured_s for each in self.steps)
        return max(1 - sum(each.busy_s for each in self.steps) / whole_s, 0.0)


class OtherSpan(Part, frozen=True):
    """An operation that is no forward or backward, in seconds from the step's start; it may lie outside the step."""

    device: Count
    operation: Name
    stage: Count
    start_s: float
    end_s: float
    microbatch: int | None = None


class OtherTotal(Part, frozen=True):
    """All operations of one name: how many, and what they took together on a device and in a step, on average."""

    operation: Name
    count: Count
    mean_s: NotNegative


class TraceRecord(Part, frozen=True, kw_only=True):
    """What is stored of a run that another program measured.

    ``timeline`` is that of one step of one replica, ``shown``, the one whose length is nearest the mean; ``others`` are
    its other operations. ``devices`` is the mean over all steps. A record that ``merge`` made has several launches.
    """

    schema: Schema = Schema()
    kind: Literal["trace"] = "trace"
    id: Name
    created: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")]
    status: Literal["completed"] = "completed"
    clock: Literal["wall"] = "wall"
    files: Annotated[list[TraceFile], Meta(min_length=1)]
    plan: TracePlan
    launches: Annotated[list[TraceLaunch], Meta(min_length=1)]
    bubble: Bubble
    devices: list[DeviceUsage]
    waterfall: list[WaterfallStep]
    shown: tuple[int, Count]  # step and replica
    timeline: TimelineRecord
    others: list[OtherSpan]
    totals: list[OtherTotal]
    warnings: list[WarningRecord]
    environment: dict[str, str | int | float | bool | None]
    merged_from: list[Name] | UnsetType = UNSET  # ids of the records that this one is made of
    failure: Failure | None = None

    def __post_init__(self) -> None:
        if len(self.plan.device_of) != self.plan.stages or max(self.plan.device_of) >= self.plan.devices:
            raise ValueError("plan: expected a device of each stage")
