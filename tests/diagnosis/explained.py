"""Records whose costs are put in, without noise: what a waterfall must say of them is known."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pipebench.diagnosis.step import step_of
from pipebench.plan.actions import Action, Operation
from pipebench.plan.device_kind import DeviceKind
from pipebench.plan.schedules import SCHEDULES
from pipebench.records.devices import Device
from pipebench.records.figures import Baseline, Pipeline, Speedup
from pipebench.records.run import CompletedRun
from pipebench.records.timelines import bubble, device_usages, timeline_record
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.links import Link
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Timeline
from tests.builders import completed_record, launch, record_config, run_config

K, M = 4, 8  # devices and microbatches of ``Costs``
SLOW, LONG = 1.5, 1.75  # a stage and a slice, over the others
_BACKWARD = 2.0  # over a forward


@dataclass(frozen=True)
class Costs:
    """Seconds that are put in: a forward of ``stage_s`` x ``slice_``, twice as long backwards.

    ``stages``, ``slices`` (of the batch) and ``pieces`` (chunks of time) are how many times as long those with these
    numbers take; ``own`` likewise for actions.
    ``transfer_s`` is a message's; ``late`` a gap of the host ahead of actions, which only a wall clock has.
    """

    devices: int = 4
    microbatches: int = 8
    chunks: int = 1
    schedule: str = "gpipe"
    baseline_s: float = 80.0
    stages: Mapping[int, float] = field(default_factory=dict)
    slices: Mapping[int, float] = field(default_factory=dict)
    pieces: Mapping[int, float] = field(default_factory=dict)
    own: Mapping[Action, float] = field(default_factory=dict)
    transfer_s: float = 0.0
    late: Mapping[Action, float] = field(default_factory=dict)
    before: Mapping[int, float] = field(default_factory=dict)
    after: Mapping[int, float] = field(default_factory=dict)

    def action_s(self, action: Action) -> float:
        """What is put in for one action."""
        usual = 1.0 if action.operation is Operation.FORWARD else _BACKWARD
        times = self.stages.get(action.stage, 1.0) * self.slices.get(action.microbatch, 1.0)
        return usual * times * self.pieces.get(action.chunk, 1.0) * self.own.get(action, 1.0)

    @property
    def timeline(self) -> Timeline:
        """The step."""
        graph = run_config(**self._options()).graph
        costs = MeasuredCosts(
            {action: self.action_s(action) for action in graph.actions()}, self.before, self.after, self.late
        )
        plan = SCHEDULES[self.schedule].plan(graph)
        if not self.late:
            return simulate(plan, costs, Link(self.transfer_s))
        found = simulate(plan, costs, transfer_s=lambda _: self.transfer_s)
        begins = {span.action: span.start_s for span in found.spans}
        seen = (t._replace(start_s=t.ready_s, end_s=begins[t.message.consumer]) for t in found.transfers)
        return replace(found, transfers=tuple(seen))

    def _options(self) -> dict[str, Any]:
        return {
            "gpus": self.devices,
            "layers": self.devices,
            "microbatches": self.microbatches,
            "chunks": self.chunks,
            "schedule": self.schedule,
            "device": "cpu" if self.late else "emulated",
        }

    def record(self, pipeline_s: float | None = None, **changes: Any) -> CompletedRun:
        """The record of such a run; its launches took as long as the step, or as long as is said."""
        timeline = self.timeline
        step_s = timeline.makespan_s if pipeline_s is None else pipeline_s
        kind = DeviceKind.CPU if self.late else DeviceKind.EMULATED
        speedup = self.baseline_s / step_s
        fields = {
            "device": Device(kind=kind, count=self.devices, names=["A CPU"] * self.devices),
            "clock": "wall" if self.late else "virtual",
            "config": record_config(run_config(**self._options())),
            "baseline": Baseline("fused", 1, self.baseline_s, 512 / self.baseline_s, []),
            "pipeline": Pipeline(step_s, 512 / step_s),
            "speedup": Speedup(speedup, speedup, speedup),
            "efficiency": speedup / self.devices,
            "bubble": bubble(timeline),
            "launches": [launch([self.baseline_s], [step_s])] * 2,
            "devices": device_usages(timeline, [f"LSTM {device}" for device in range(self.devices)]),
            "timeline": timeline_record(timeline, clock="virtual" if not self.late else "wall"),
        }
        if self.late:
            fields["machine"] = None
        return completed_record(**(fields | changes))


def factors(record: CompletedRun) -> dict[str, float]:
    """A record's waterfall, by the steps' names."""
    step = step_of(record)
    assert step is not None
    return dict(step.waterfall)
