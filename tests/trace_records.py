"""Records of runs that another program measured: small, and of steps that were simulated."""

import hashlib
from math import exp
from random import Random
from typing import Any

from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan
from pipebench.plan.schedules import SCHEDULES
from pipebench.records.explanation import WaterfallStep
from pipebench.records.figures import Bubble
from pipebench.records.timelines import device_usages, timeline_record
from pipebench.records.trace import (
    OtherSpan,
    OtherTotal,
    TraceFile,
    TraceLaunch,
    TracePlan,
    TraceRecord,
    TraceStep,
    bubble_of,
)
from pipebench.timing.costs import UniformCosts
from pipebench.timing.simulator import simulate
from pipebench.timing.timeline import Timeline

REPLAY = 0.998  # how long a replayed step takes, relative to the recorded one
OPTIMIZER_S = 0.01


def planned(stages: int = 4, microbatches: int = 4, schedule: str = "1f1b") -> Plan:
    """One stage a device."""
    which = SCHEDULES[schedule]
    return which.plan(Graph(stages, microbatches, split_backward=which.splits_backward))


def one_step(plan: Plan, factor: float = 1.0) -> Timeline:
    """Forwards of 10 ms and backwards of 20 ms, times ``factor``: of 4 stages and 4 microbatches 210 ms in all."""
    return simulate(
        plan, UniformCosts(0.01 * factor, backward_input=0.01 * factor, backward_weight=0.01 * factor)
    )


def trace_step(timeline: Timeline, step: int, replica: int = 0) -> TraceStep:
    """A recorded step, whose replay is a little shorter."""
    length_s = timeline.makespan_s
    busy_s = sum(span.end_s - span.start_s for span in timeline.spans)
    return TraceStep(step, replica, length_s, REPLAY * length_s, busy_s)


def waterfall_of(devices: int, bubble: float) -> list[WaterfallStep]:
    """Its product is how many devices' worth of work the step holds."""
    return [
        WaterfallStep("devices", float(devices), f"{devices} devices"),
        WaterfallStep("fill and drain of the schedule", (1 - bubble) / 0.999, "4 microbatches for 4 stages"),
        WaterfallStep("unexplained", 0.999, "the mean step beside the one that is shown"),
    ]


def trace_record(seed: int = 0, factor: float = 1.0, *, steps: int = 3, **changes: Any) -> TraceRecord:
    """A run of its own ``seed``, whose steps take ``factor`` times as long as usual, within some tenths of a per cent.

    ``plan``, one of pipebench's, may be among the changes; so may every field of a record.
    """
    plan = changes.pop("plan", planned())
    graph, random = plan.graph, Random(seed)
    of_run = exp(random.gauss(0, 0.002)) * factor
    timelines = [one_step(plan, of_run * exp(random.gauss(0, 0.001))) for _ in range(steps)]
    found = [trace_step(timeline, number) for number, timeline in enumerate(timelines)]
    shown, bubble = timelines[0], bubble_of(found, graph.devices)
    end_s, name = shown.makespan_s, f"run-{seed}.csv"
    given = {
        "id": f"20261127-0000{seed:02}-trace{graph.devices}-x",
        "created": f"2026-11-27T00:00:{seed:02}+00:00",
        "files": [TraceFile(name, "spans", hashlib.sha256(f"{name} {factor}".encode()).hexdigest(), 96)],
        "plan": TracePlan(
            *(graph.stages, graph.devices, graph.microbatches, list(graph.device_of), graph.split_backward)
        ),
        "launches": [TraceLaunch(found)],
        "bubble": Bubble(fraction=bubble),
        "devices": device_usages(shown, [f"stage {device}" for device in range(graph.devices)]),
        "waterfall": waterfall_of(graph.devices, bubble),
        "shown": (0, 0),
        "timeline": timeline_record(shown, clock="wall"),
        "others": [OtherSpan(0, "OPTIMIZER", 0, end_s, end_s + OPTIMIZER_S)],
        "totals": [OtherTotal("OPTIMIZER", steps * graph.devices, OPTIMIZER_S)],
        "warnings": [],
        "environment": {"python": "3.13"},
    }
    return TraceRecord(**(given | changes))
