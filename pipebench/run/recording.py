"""From what a run has measured to its record, whether the run was completed or not."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean, median
from typing import Any, TypedDict

import msgspec

from pipebench.config import budget
from pipebench.config.run_config import RunConfig
from pipebench.diagnosis.causes import Cores
from pipebench.diagnosis.sharing import link_of, other_way
from pipebench.diagnosis.step import factors_from
from pipebench.diagnosis.warnings import Facts, warnings
from pipebench.diagnosis.waterfall import Measured
from pipebench.launching import faults, messages
from pipebench.plan.actions import Operation
from pipebench.plan.cells import units_of
from pipebench.records import store, summary
from pipebench.records.devices import Device
from pipebench.records.figures import Baseline, DeviceUsage, Pipeline, Speedup
from pipebench.records.run import CompletedRun, EndedEarly
from pipebench.records.schema import Ending, Failure, WarningRecord
from pipebench.records.terms import WORDS
from pipebench.records.timelines import bubble, device_usages, timeline_from
from pipebench.run.recorded_config import config_record, input_record
from pipebench.run.recorded_machine import accuracy_of, device_names, machine_of
from pipebench.run.so_far import SoFar
from pipebench.telemetry.cgroup import quota_cores
from pipebench.telemetry.environment import (
    LostTime,
    Value,
    lost_time,
    usable_cores,
)
from pipebench.telemetry.gpus import gpus
from pipebench.timing.timeline import Timeline


def completed_record(so_far: SoFar) -> CompletedRun:
    """The record of a run that has all of its launches."""
    whole = msgspec.structs.asdict(_without_figures(so_far)) | _figures(so_far)
    return CompletedRun(**whole | {"status": "completed"})


def ended_record(so_far: SoFar, status: Ending, failure: Failure, *, figures: bool = True) -> EndedEarly:
    """Everything so far as a record; figures are there from the first complete launch on, if they are wanted."""
    bare = _without_figures(so_far)
    computed = _figures(so_far) if so_far.launches and figures else {}
    return msgspec.structs.replace(bare, status=status, failure=failure, **computed)


def _without_figures(so_far: SoFar) -> EndedEarly:
    """What a record has before anything is computed from launches."""
    so_far.environment |= _lost(so_far.lost_before) | _found(so_far.config)
    config = so_far.config
    return EndedEarly(
        id=store.new_id(so_far.created, f"{config.kind}{config.gpus}-{config.schedule}"),
        created=so_far.created.isoformat(timespec="seconds"),
        status="failed",
        device=Device(
            kind=config.kind,
            count=config.gpus,
            names=device_names(so_far),
            ranks=so_far.ranks,
            links=so_far.links,
        ),
        clock=config.clock,
        machine=machine_of(so_far),
        config=config_record(config, so_far.given),
        baseline=None,
        pipeline=None,
        speedup=None,
        efficiency=None,
        verification=so_far.verification,
        bubble=None,
        launches=so_far.launches,
        devices=[],
        timeline=None,
        warnings=[],
        environment=so_far.environment,
        accuracy=accuracy_of(so_far) if not config.kind.is_real else None,
        plan=None if config.order is None else config.plan.text().splitlines(),
    )


def _found(config: RunConfig) -> dict[str, bool]:
    """What was found to be best for the model here; a split cell's library only where there is a split cell."""
    found = config.found or {}
    return {
        name: best for name, best in found.items() if config.cell == "split" or not name.endswith("_products")
    }


def _lost(before: LostTime) -> dict[str, Value]:
    """The processor time that was taken away since the run began."""
    pairs = zip(LostTime._fields, before, lost_time(), strict=True)
    return {f"cpu_{name}": None if then is None or now is None else now - then for name, then, now in pairs}


def _figures(so_far: SoFar) -> dict[str, Any]:
    """Every part of the record that is computed from launches."""
    assert so_far.raced is not None
    assert so_far.config.partition is not None
    step_s = summary.pipeline_step_s(so_far.launches)
    stored = summary.nearest(so_far.timelines, step_s)
    timeline = timeline_from(stored, so_far.config.graph)
    devices = device_usages(
        timeline,
        so_far.config.layout.texts(so_far.config.outline),
        budget.device_memory(so_far.config, so_far.config.partition),
        summary.peaks_bytes(so_far.launches),
        bytes_are=so_far.config.outline.bytes_are,
    )
    measured = summary.speedup(so_far.launches)
    return {
        "baseline": _baseline(so_far, so_far.raced),
        "pipeline": Pipeline(
            step_s=step_s, **_throughput(so_far, step_s), longest_slice=_longest_slice(so_far, timeline)
        ),
        "speedup": measured,
        "efficiency": measured.value * so_far.config.baseline_devices / so_far.config.gpus,
        "bubble": bubble(timeline),
        "devices": devices,
        "timeline": stored,
        "warnings": _warnings(so_far, timeline, devices, measured),
    }


def _longest_slice(so_far: SoFar, timeline: Timeline) -> float | None:
    """How many times its mean forward a stage's longest one takes, where slices differ: the median over stages.

    It goes by slices: each slice of a cell counts with their mean.
    """
    if so_far.given is None or so_far.given.positions is None:
        return None
    forwards: dict[int, list[float]] = defaultdict(list)
    for span in timeline.spans:
        if span.action.operation is Operation.FORWARD:
            slices = len(units_of(timeline.graph, span.action))
            forwards[span.action.stage] += [(span.end_s - span.start_s) / slices] * slices
    ratios = [max(each) / fmean(each) for each in forwards.values() if fmean(each)]
    return median(ratios) if ratios else None


def _baseline(so_far: SoFar, raced: messages.Raced) -> Baseline:
    step_s = summary.baseline_step_s(so_far.launches)
    return Baseline(
        kind=raced.form.kind,
        microbatches=raced.form.microbatches,
        step_s=step_s,
        **_throughput(so_far, step_s),
        candidates=raced.candidates,
        device=raced.device,
        device_flops_per_s=raced.device_flops_per_s,
        devices=so_far.config.baseline_devices,
    )


class _Throughput(TypedDict):
    """Items a second, by both names where they are words."""

    items_per_s: float
    words_per_s: float | None


def _throughput(so_far: SoFar, step_s: float) -> _Throughput:
    counted = input_record(so_far.config, so_far.given)
    assert counted is not None
    items_per_s = counted.items / step_s
    return {"items_per_s": items_per_s, "words_per_s": items_per_s if counted.unit == WORDS else None}


def _warnings(
    so_far: SoFar, timeline: Timeline, devices: Sequence[DeviceUsage], measured: Speedup
) -> list[WarningRecord]:
    assert so_far.given is not None
    on_purpose = faults.warning()
    cores = Cores(usable_cores(), quota_cores())
    takes_turns = cores.shared_by(so_far.config.kind, _ranks_here(so_far))
    in_all = Measured(
        summary.baseline_step_s(so_far.launches),
        summary.pipeline_step_s(so_far.launches),
        so_far.config.baseline_devices,
        summary.waited(so_far.launches) if takes_turns else 1.0,
    )
    facts = Facts(
        config=so_far.config,
        launches=so_far.launches,
        devices=devices,
        measured=measured,
        factors=factors_from(timeline, so_far.config.clock, machine_of(so_far), in_all),
        doubts=so_far.given.source.doubts,
        cores=cores,
        available=_available(so_far.config, cores),
        time_dilation=machine.time_dilation if (machine := machine_of(so_far)) else None,
        environment=so_far.environment,
        verification=so_far.verification,
        other_way=other_way(so_far.config, timeline, link_of(machine_of(so_far))),
        ranks_here=_ranks_here(so_far),
        joined=bool(so_far.ranks),
        raced_s=so_far.raced.steps_s if so_far.raced is not None else (),
    )
    found = warnings(facts)
    return [on_purpose, *found] if on_purpose is not None else found


def _ranks_here(so_far: SoFar) -> int:
    """How many ranks this machine has, which is that of rank 0."""
    hosts = [rank.host for rank in so_far.ranks]
    return hosts.count(hosts[0]) if hosts else so_far.config.gpus


def _available(config: RunConfig, cores: Cores) -> int | None:
    """How many devices of the run's kind this machine has; ``None`` where any number can be emulated."""
    if config.kind.has_gpu:
        return len(gpus())
    return int(cores.usable) if config.kind.takes_core and cores.usable is not None else None
