"""The record of a run that another program measured. Schema version 1, see ``schema``.

All seconds are of the wall clock, by whoever recorded the run; ``simulated_s`` is what its step takes when the order
and the lengths of its forwards and backwards are run again on paper. A step lasts from the start of its first forward
to the end of its last backward.
"""

from collections.abc import Sequence
from statistics import fmean
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from pipebench.plurals import counted
from pipebench.records.explanation import WaterfallStep
from pipebench.records.figures import Bubble, DeviceUsage
from pipebench.records.schema import (
    AtLeastOne,
    Count,
    Failure,
    Name,
    NotNegative,
    Positive,
    Schema,
    Stored,
    WarningRecord,
)
from pipebench.records.spans import TimelineRecord

FileKind = Literal["spans", "torch-profiler"]


class TraceFile(Stored, frozen=True):
    """A file that was read: a span table, or a trace of ``torch.profiler``."""

    path: str
    kind: FileKind
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    rows: Count


class TracePlan(Stored, frozen=True):
    """What the run's steps consist of; ``device_of`` has each stage's device, ``split_backward`` means halves, I and W.

    ``order`` is the schedule whose order the shown step has, or ``another``; older records do not say.
    ``other_orders`` means that some steps, or replicas, run in an order that differs from the shown step's.
    """

    stages: AtLeastOne
    devices: AtLeastOne
    microbatches: AtLeastOne
    device_of: Annotated[list[Count], Meta(min_length=1)]
    split_backward: bool = False
    order: Name | None = None
    other_orders: bool = False

    @property
    def text(self) -> str:
        """The plan in words."""
        stages, devices = counted(self.stages, "stage"), counted(self.devices, "device")
        microbatches = counted(self.microbatches, "microbatch", "microbatches")
        halves = ", each backward in halves" if self.split_backward else ""
        return f"{stages} on {devices}, {microbatches}{halves}{self._order_text}"

    @property
    def _order_text(self) -> str:
        if self.order in (None, "another"):
            return ""
        others = " in the step shown (other steps run in another order)" if self.other_orders else ""
        return f", in the order of {self.order}{others}"


class TraceStep(Stored, frozen=True):
    """One recorded step of one replica, and how long its replay takes; ``busy_s`` is that of all devices together."""

    step: int
    replica: Count
    measured_s: Positive
    simulated_s: NotNegative
    busy_s: NotNegative

    @property
    def residual(self) -> float:
        """By how much its replay differs, relative to what was recorded: above 0 it takes longer."""
        return self.simulated_s / self.measured_s - 1

    def bubble(self, devices: int) -> float:
        """1 - busy / (devices x length)."""
        return bubble_of([self], devices)


class TraceLaunch(Stored, frozen=True):
    """One run that was recorded."""

    steps: Annotated[list[TraceStep], Meta(min_length=1)]

    @property
    def step_s(self) -> float:
        """Seconds of a step, the mean over replicas and steps."""
        return fmean(each.measured_s for each in self.steps)

    def busy_s(self, devices: int) -> float:
        """How long a device works in a step: the mean over devices, replicas and steps."""
        return fmean(each.busy_s for each in self.steps) / devices

    def bubble(self, devices: int) -> float:
        """1 - busy / (devices x length), over all steps together."""
        return bubble_of(self.steps, devices)


def bubble_of(steps: Sequence[TraceStep], devices: int) -> float:
    """1 - busy / (devices x length), over all of these steps together."""
    whole_s = devices * sum(each.measured_s for each in steps)
    return max(1 - sum(each.busy_s for each in steps) / whole_s, 0.0)


class OtherSpan(Stored, frozen=True):
    """An operation that is no forward or backward, in seconds from the step's start; it may lie outside the step."""

    device: Count
    operation: Name
    stage: Count
    start_s: float
    end_s: float
    microbatch: int | None = None


class OtherTotal(Stored, frozen=True):
    """All operations of one name: how many, and what they took together in a step.

    ``mean_s`` is the mean over all devices of the plan, ``having_s`` that over the devices that have such operations.
    ``devices`` is how many these are, in all replicas. Older records do not say the last two.
    """

    operation: Name
    count: Count
    mean_s: NotNegative
    devices: AtLeastOne | None = None
    having_s: NotNegative | None = None


class TraceRecord(Stored, frozen=True, kw_only=True):
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

    @property
    def steps(self) -> list[TraceStep]:
        """The steps of all launches."""
        return [step for launch in self.launches for step in launch.steps]

    @property
    def step_s(self) -> float:
        """Seconds of a step, the mean over launches."""
        return fmean(launch.step_s for launch in self.launches)

    @property
    def replicas(self) -> int:
        """How many replicas the recorded steps are of."""
        return len({step.replica for step in self.steps})

    def __post_init__(self) -> None:
        if len(self.plan.device_of) != self.plan.stages or max(self.plan.device_of) >= self.plan.devices:
            raise ValueError("plan: expected a device of each stage")


class TraceSide(Stored, frozen=True):
    """What a comparison says of a side that is a recorded run: its plan, how many steps, and the kinds of its files."""

    plan: TracePlan
    steps: AtLeastOne
    files: Annotated[list[FileKind], Meta(min_length=1)]
