"""The explanation of a recorded run, and the record of it. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from math import prod
from statistics import fmean
from typing import NamedTuple

from pipebench.diagnosis import single_changes
from pipebench.diagnosis.waterfall import without_baseline
from pipebench.foreign.replaying import bare, by_the_clock
from pipebench.foreign.rows import Row
from pipebench.foreign.sentences import Sentences
from pipebench.foreign.understanding import RecordedStep, Understood
from pipebench.records.explanation import ReplayedStep, ReplayRecord, WaterfallStep, WhatIf
from pipebench.records.schema import Bubble, DeviceUsage, WarningRecord
from pipebench.records.timelines import timeline_record
from pipebench.records.trace import (
    OtherSpan,
    OtherTotal,
    TraceFile,
    TraceLaunch,
    TracePlan,
    TraceRecord,
    TraceStep,
)
from pipebench.records.trace_explanation import ExplainedStep, TraceExplanation
from pipebench.timing.replay import Replay

_OFF = 0.05  # of a step: a replay this far off leaves much to be explained


class Explained(NamedTuple):
    """What is stored, and what is printed."""

    record: TraceRecord
    explanation: TraceExplanation


def explained(understood: Understood, changes: Sequence[str], *, created: datetime, name: str) -> Explained:
    """Explain a recorded run.

    Args:
        understood: of it.
        changes: what to try, in words; without any the ten best single ones.
        created: now.
        name: of the record.

    Raises:
        UsageError: A change is none of this run.
    """
    replays = bare(understood)
    simulated_s = [replay.again_s for replay in replays]
    waterfall = _waterfall(understood, replays)
    record = _record(understood, simulated_s, waterfall, created, name)
    explanation = TraceExplanation(
        record=record.id,
        files=record.files,
        plan=record.plan,
        devices_busy=prod(each.factor for each in waterfall),
        waterfall=waterfall,
        bubble=record.bubble,
        devices=record.devices,
        replay=ReplayRecord(
            [
                ReplayedStep(each.step, each.replica, each.measured_s, replayed_s)
                for each, replayed_s in zip(understood.steps, simulated_s, strict=True)
            ]
        ),
        what_if=_what_if(replays, changes),
        steps=[_explained_step(each) for each in understood.steps],
        totals=record.totals,
        warnings=record.warnings,
    )
    return Explained(record, explanation)


def _what_if(replays: Sequence[Replay], changes: Sequence[str]) -> list[WhatIf]:
    recorded = single_changes.Recorded(replays)
    return single_changes.asked(recorded, changes) if changes else single_changes.best(recorded)


def _waterfall(understood: Understood, replays: Sequence[Replay]) -> list[WaterfallStep]:
    """Over all steps, with what each factor stands for."""
    clocked = by_the_clock(understood, replays)
    factors = without_baseline(clocked, [each.measured_s for each in understood.steps])
    sentences = Sentences(understood, clocked, replays, dict(factors))
    return [
        WaterfallStep(
            step=each.step,
            factor=each.factor,
            what=sentences.of(each.step),
            remedy=remedy.text if (remedy := sentences.remedy(each.step)) is not None else None,
            gain=remedy.gain if remedy is not None else None,
        )
        for each in factors
    ]


def _record(
    understood: Understood,
    simulated_s: Sequence[float],
    waterfall: list[WaterfallStep],
    created: datetime,
    name: str,
) -> TraceRecord:
    graph, steps = understood.graph, understood.steps
    launch = TraceLaunch(
        [
            TraceStep(each.step, each.replica, each.measured_s, replayed_s, each.busy_s)
            for each, replayed_s in zip(steps, simulated_s, strict=True)
        ]
    )
    mean_s = launch.step_s
    shown = min(steps, key=lambda each: abs(each.measured_s - mean_s))
    return TraceRecord(
        id=name,
        created=created.isoformat(timespec="seconds"),
        files=[TraceFile(*each) for each in understood.recording.files],
        plan=TracePlan(
            stages=graph.stages,
            devices=graph.devices,
            microbatches=graph.microbatches,
            device_of=list(graph.device_of),
            split_backward=graph.split_backward,
        ),
        launches=[launch],
        bubble=Bubble(fraction=launch.bubble(graph.devices)),
        devices=_devices(understood),
        waterfall=waterfall,
        shown=(shown.step, shown.replica),
        timeline=timeline_record(shown.timeline, clock="wall"),
        others=[
            OtherSpan(row.device, row.operation, row.stage, row.start_s, row.end_s, row.microbatch)
            for row in shown.others
        ],
        totals=_totals(steps, graph.devices),
        warnings=[*_assumed(understood), *_residual(launch)],
        environment={},
    )


def _devices(understood: Understood) -> list[DeviceUsage]:
    """The mean over all steps of where each device's time went, and the most activations that were ever alive."""
    graph, steps = understood.graph, understood.steps
    found = []
    for device in range(graph.devices):
        usages = [each.timeline.usage(device) for each in steps]
        own = graph.stages_of(device)
        found.append(
            DeviceUsage(
                device,
                f"{'stage' if len(own) == 1 else 'stages'} {', '.join(map(str, own))}",
                *map(fmean, zip(*usages, strict=True)),
                activations_alive=max(each.timeline.activations_alive(device) for each in steps),
                weights_waiting=max(each.timeline.weights_waiting(device) for each in steps),
            )
        )
    return found


def _explained_step(each: RecordedStep) -> ExplainedStep:
    """Of one step by itself."""
    graph = each.timeline.graph
    usages = [each.timeline.usage(device) for device in range(graph.devices)]
    return ExplainedStep(
        step=each.step,
        replica=each.replica,
        measured_s=each.measured_s,
        bubble=each.timeline.bubble_fraction,
        waiting_s=fmean(usage.waiting_s for usage in usages),
        transfer_s=fmean(usage.transfer_s for usage in usages),
        idle_s=fmean(usage.idle_s for usage in usages),
    )


def _totals(steps: Sequence[RecordedStep], devices: int) -> list[OtherTotal]:
    """All other operations by name, the longest in sum first."""
    lengths: dict[str, list[float]] = defaultdict(list)
    for row in _others(steps):
        lengths[row.operation].append(row.length_s)
    places = devices * len(steps)
    totals = [OtherTotal(name, len(each), sum(each) / places) for name, each in lengths.items()]
    return sorted(totals, key=lambda each: (-each.mean_s, each.operation))


def _others(steps: Iterable[RecordedStep]) -> Iterable[Row]:
    return (row for each in steps for row in each.others)


def _assumed(understood: Understood) -> list[WarningRecord]:
    """What was taken for granted."""
    return [WarningRecord("assumed", each, "nothing to do, if that is so") for each in understood.notices]


def _residual(launch: TraceLaunch) -> list[WarningRecord]:
    """Order and lengths alone should nearly make the step."""
    worst = max(launch.steps, key=lambda each: abs(each.simulated_s / each.measured_s - 1))
    off = worst.simulated_s / worst.measured_s - 1
    if abs(off) <= _OFF:
        return []
    return [
        WarningRecord(
            "replay-off",
            f"run again with its own order and lengths, step {worst.step} of replica {worst.replica} takes "
            f"{100 * off:+.1f} % of what was recorded: something else than forwards and backwards takes time",
            "look at the transfers and at the gaps in the picture before you believe a what-if",
        )
    ]
