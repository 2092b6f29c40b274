"""The explanation of a recorded run, and the record of it. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from math import prod
from statistics import fmean
from typing import NamedTuple

import msgspec

from pipebench.diagnosis import single_changes
from pipebench.diagnosis.waterfall import without_baseline
from pipebench.foreign.doubts import doubts
from pipebench.foreign.orders import order_of
from pipebench.foreign.replaying import as_arrived, bare, by_the_clock, without_gaps
from pipebench.foreign.sentences import Sentences
from pipebench.foreign.totals import totals_of
from pipebench.foreign.understanding import RecordedStep, Understood
from pipebench.records.explanation import ReplayedStep, ReplayRecord, WaterfallStep, WhatIf
from pipebench.records.figures import Bubble, DeviceUsage
from pipebench.records.schema import WarningRecord
from pipebench.records.timelines import timeline_record
from pipebench.records.trace import (
    OtherSpan,
    TraceFile,
    TraceLaunch,
    TracePlan,
    TraceRecord,
    TraceStep,
)
from pipebench.records.trace_explanation import ExplainedStep, TraceExplanation
from pipebench.timing.changes import change_of
from pipebench.timing.links import LinkChange
from pipebench.timing.replay import Replay
from pipebench.timing.timeline import Timeline
from pipebench.warning_codes import WarningCode

_MOST_TOLD = 30_000  # forwards and backwards used to find factors, and changes that were not asked for
_OFF = 0.05  # of a step: a replay that is further off leaves much unexplained


class Explained(NamedTuple):
    """What is stored, and what is printed; ``shown`` is the record's timeline as it was before it was stored."""

    record: TraceRecord
    explanation: TraceExplanation
    shown: Timeline

    def named_as(self, kept: TraceRecord) -> "Explained":
        """The same, with the id and the date of the record that is kept of these files."""
        return Explained(
            msgspec.structs.replace(self.record, id=kept.id, created=kept.created),
            msgspec.structs.replace(self.explanation, record=kept.id),
            self.shown,
        )


def explained(understood: Understood, changes: Sequence[str], *, created: datetime, name: str) -> Explained:
    """Explain a recorded run.

    Args:
        understood: the run.
        changes: what to try, in words; if there are none, the ten best single changes are found.
        created: the time now.
        name: the id of the record.

    Raises:
        UsageError: A change does not fit this run.
    """
    replays = bare(understood)
    telling = _evenly(len(replays), max(_MOST_TOLD // len(replays[0].lengths), 1))
    some = replace(understood, steps=tuple(understood.steps[place] for place in telling))
    told = [replays[place] for place in telling]
    by_clock = by_the_clock(understood, replays)
    clocked = [by_clock[place] for place in telling]
    understood = as_arrived(understood, by_clock)
    recorded = single_changes.Recorded(told, with_messages=without_gaps(clocked))
    waterfall = _waterfall(some, clocked, recorded, _busy(understood))
    record = _record(understood, replays, waterfall, created, name)
    record = msgspec.structs.replace(
        record, warnings=[*record.warnings, *_sampled(len(telling), len(replays))]
    )
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
                ReplayedStep(each.step, each.replica, each.measured_s, replay.again_s)
                for each, replay in zip(understood.steps, replays, strict=True)
            ]
        ),
        what_if=_asked(understood, replays, by_clock, changes) if changes else single_changes.best(recorded),
        steps=[_explained_step(each) for each in understood.steps],
        totals=record.totals,
        warnings=record.warnings,
    )
    return Explained(record, explanation, _shown(understood).timeline)


def _asked(
    understood: Understood, replays: Sequence[Replay], by_clock: Sequence[Replay], changes: Sequence[str]
) -> list[WhatIf]:
    """The changes that were asked for, tried on all steps."""
    of_links = any(isinstance(change_of(text, understood.graph), LinkChange) for text in changes)
    with_messages = without_gaps(by_clock) if of_links else ()
    return single_changes.asked(single_changes.Recorded(replays, with_messages=with_messages), changes)


def _evenly(steps: int, most: int) -> list[int]:
    """The places of all steps, or of ``most`` of them, spread evenly over the run."""
    return [number * steps // most for number in range(most)] if steps > most else list(range(steps))


def _sampled(told: int, steps: int) -> Iterator[WarningRecord]:
    if told < steps:
        yield WarningRecord(
            WarningCode.SOME_STEPS,
            f"the factors, and the changes that were not asked for, are found from {told} of {steps} steps, spread "
            "evenly over the run: all of them would take long",
            "a change that is asked for (--what-if) is tried on all steps",
        )


def _busy(understood: Understood) -> float:
    """How many devices compute on average, over all steps."""
    busy_s = sum(each.busy_s for each in understood.steps)
    return busy_s / sum(each.measured_s for each in understood.steps)


def _waterfall(
    understood: Understood, clocked: Sequence[Replay], recorded: single_changes.Recorded, busy: float
) -> list[WaterfallStep]:
    """The factors and what each stands for, from steps that stand for all; ``busy`` is the product over all steps."""
    *factors, last = without_baseline(clocked, [each.measured_s for each in understood.steps])
    rest = busy / prod(each.factor for each in factors)
    factors.append(last._replace(factor=rest))
    sentences = Sentences(understood, clocked, recorded, dict(factors))
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
    replays: Sequence[Replay],
    waterfall: list[WaterfallStep],
    created: datetime,
    name: str,
) -> TraceRecord:
    graph, steps = understood.graph, understood.steps
    launch = TraceLaunch(
        [
            TraceStep(each.step, each.replica, each.measured_s, replay.again_s, each.busy_s)
            for each, replay in zip(steps, replays, strict=True)
        ]
    )
    shown = _shown(understood)
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
            order=order_of(shown.timeline.plan),
            other_orders=len({id(replay.plan) for replay in replays}) > 1,  # steps of one order share a plan
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
        totals=totals_of(steps, graph.devices),
        warnings=[*_assumed(understood), *doubts(understood), *_residual(launch)],
        environment={},
    )


def _shown(understood: Understood) -> RecordedStep:
    """The step whose length is nearest the mean."""
    mean_s = fmean(each.measured_s for each in understood.steps)
    return min(understood.steps, key=lambda each: abs(each.measured_s - mean_s))


def _devices(understood: Understood) -> list[DeviceUsage]:
    """The mean over all steps of where each device's time went, and the most activations that were ever alive."""
    graph, steps = understood.graph, understood.steps
    found = []
    for device in range(graph.devices):
        usages = [each.usages[device] for each in steps]
        own = graph.stages_of(device)
        busy_s, waiting_s, transfer_s, idle_s = map(fmean, zip(*usages, strict=True))
        found.append(
            DeviceUsage(
                device=device,
                layers=f"{'stage' if len(own) == 1 else 'stages'} {', '.join(map(str, own))}",
                busy_s=busy_s,
                waiting_s=waiting_s,
                transfer_s=transfer_s,
                idle_s=idle_s,
                activations_alive=max(each.timeline.activations_alive(device) for each in steps),
                weights_waiting=max(each.timeline.weights_waiting(device) for each in steps),
            )
        )
    return found


def _explained_step(each: RecordedStep) -> ExplainedStep:
    """The figures of one step."""
    usages = each.usages
    return ExplainedStep(
        step=each.step,
        replica=each.replica,
        measured_s=each.measured_s,
        bubble=each.timeline.bubble_fraction,
        waiting_s=fmean(usage.waiting_s for usage in usages),
        transfer_s=fmean(usage.transfer_s for usage in usages),
        idle_s=fmean(usage.idle_s for usage in usages),
    )


def _assumed(understood: Understood) -> list[WarningRecord]:
    """A warning for each thing that was assumed."""
    return [
        WarningRecord(WarningCode.ASSUMED, each, "nothing to do, if that is so")
        for each in understood.notices
    ]


def _residual(launch: TraceLaunch) -> list[WarningRecord]:
    """A warning if order and lengths alone do not nearly give the recorded step."""
    worst = max(launch.steps, key=lambda each: abs(each.simulated_s / each.measured_s - 1))
    off = worst.simulated_s / worst.measured_s - 1
    if abs(off) <= _OFF:
        return []
    return [
        WarningRecord(
            WarningCode.REPLAY_OFF,
            f"run again with its own order and lengths, step {worst.step} of replica {worst.replica} takes "
            f"{100 * abs(off):.1f} % {'less' if off < 0 else 'more'} than was recorded: "
            f"{'something else than forwards and backwards takes time' if off < 0 else 'clocks may differ'}",
            "look at the transfers and at the gaps in the picture before you believe a what-if",
        )
    ]
