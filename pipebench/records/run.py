"""The record of a run: one type for those that completed, another for those that ended early."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from pipebench.records.config import Config, Input
from pipebench.records.devices import Device, MachineRecord
from pipebench.records.figures import Accuracy, Baseline, Bubble, DeviceUsage, Pipeline, Speedup, Verification
from pipebench.records.launches import Launch
from pipebench.records.schema import Ending, Failure, Name, Positive, Schema, Stored, WarningRecord
from pipebench.records.spans import TimelineRecord


class Run(Stored, frozen=True, kw_only=True):
    """What is stored of a run, however it ended: what both kinds of ``RunRecord`` have in common.

    ``plan`` is there where the order was made from measured costs: a line a device, as in a plan's text.
    """

    schema: Schema = Schema()
    kind: Literal["run"] = "run"
    id: Name
    created: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")]
    status: Literal["completed", "aborted", "failed"]
    device: Device
    clock: Literal["wall", "virtual"]
    machine: MachineRecord | None
    config: Config
    baseline: Baseline | None
    pipeline: Pipeline | None
    speedup: Speedup | None
    efficiency: Positive | None
    verification: Verification | None
    bubble: Bubble | None
    launches: list[Launch]
    devices: list[DeviceUsage]
    timeline: TimelineRecord | None
    warnings: list[WarningRecord]
    environment: dict[str, str | int | float | bool | None]
    merged_from: list[Name] | UnsetType = UNSET  # ids of the records that this one is made of
    failure: Failure | None = None
    accuracy: Accuracy | None = None
    plan: list[str] | None = None

    def __post_init__(self) -> None:
        if self.status == "completed":
            missing = [name for name in _PROMISED if getattr(self, name) in (None, [])]
            if missing:
                raise ValueError(f"a completed record needs {', '.join(missing)}")
            if self.timeline is not None and not self.timeline.makespan_s:
                raise ValueError("a completed record needs timeline.makespan_s above 0")
            if self.machine is not None and self.machine.link is None:
                raise ValueError("a completed record of a machine needs machine.link")
        if self.speedup is not None and None in (self.baseline, self.pipeline, self.config.input):
            raise ValueError("a record with a speed-up needs baseline, pipeline and config.input")


_PROMISED = (
    "baseline",
    "pipeline",
    "speedup",
    "efficiency",
    "verification",
    "bubble",
    "timeline",
    "launches",
    "devices",
)


class CompletedRun(Run, frozen=True, kw_only=True):
    """What is stored of a run that measured all it was asked to: every result is there.

    ``plan`` is there where the order was made from measured costs: a line a device, as in a plan's text.
    """

    status: Literal["completed"]
    baseline: Baseline
    pipeline: Pipeline
    speedup: Speedup
    efficiency: Positive
    verification: Verification
    bubble: Bubble
    launches: Annotated[list[Launch], Meta(min_length=1)]
    devices: Annotated[list[DeviceUsage], Meta(min_length=1)]
    timeline: TimelineRecord

    @property
    def input(self) -> Input:
        """The input, with what throughput counts: it was read before anything was measured."""
        assert self.config.input is not None, "a run with a speed-up has an input"
        return self.config.input


class EndedEarly(Run, frozen=True, kw_only=True):
    """What is stored of a run that did not complete: aborted (a signal, the deadline), or failed.

    It may have results if a launch was complete. ``plan`` is as in ``CompletedRun``.
    """

    status: Ending


RunRecord = CompletedRun | EndedEarly
"""The record of a run; its ``status`` tells which."""


def told_apart(run: Run) -> RunRecord:
    """Turn a run that was read into the kind of record that its status tells."""
    values = msgspec.structs.asdict(run)
    return CompletedRun(**values) if run.status == "completed" else EndedEarly(**values)


def ended_early(run: Run, status: Ending, failure: Failure | None = None) -> EndedEarly:
    """Turn the record of a run into that of one that did not complete, with all that was measured."""
    return EndedEarly(**msgspec.structs.asdict(run) | {"status": status, "failure": failure})
