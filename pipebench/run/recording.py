"""From what a run has measured to its record, whether the run was completed or not."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
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
from pipebench.models.kind import Given
from pipebench.models.registry import DEFAULT_MODEL
from pipebench.plan.actions import Operation
from pipebench.plan.cells import units_of
from pipebench.records import store, summary
from pipebench.records.devices import Device, HostLinkRecord, LinkRecord, MachineRecord, RankRecord
from pipebench.records.figures import Accuracy, Baseline, DeviceUsage, Pipeline, Speedup, Verification
from pipebench.records.launches import Launch
from pipebench.records.run import CompletedRun, EndedEarly
from pipebench.records.schema import Ending, Failure, WarningRecord
from pipebench.records.spans import TimelineRecord
from pipebench.records.terms import WORDS
from pipebench.records.timelines import bubble, device_usages, timeline_from
from pipebench.run import accuracy
from pipebench.run.recorded_config import config_record, input_record
from pipebench.telemetry.cgroup import quota_cores
from pipebench.telemetry.environment import (
    LostTime,
    Value,
    cpu_count,
    cpu_model,
    environment,
    lost_time,
    usable_cores,
)
from pipebench.telemetry.gpus import gpus
from pipebench.timing.links import Link
from pipebench.timing.machines import machine_for
from pipebench.timing.measured_link import MeasuredLink
from pipebench.timing.timeline import Timeline


@dataclass
class SoFar:
    """What a run knows and has measured so far."""

    config: RunConfig
    given: Given | None = None
    created: datetime = field(default_factory=store.now)
    environment: dict[str, Value] = field(default_factory=environment)
    lost_before: LostTime = field(default_factory=lost_time)
    verification: Verification | None = None
    link: MeasuredLink | None = None
    raced: messages.Raced | None = None
    device_names: list[str] | None = None
    ranks: list[RankRecord] = field(default_factory=list)
    links: list[HostLinkRecord] = field(default_factory=list)
    launches: list[Launch] = field(default_factory=list)
    timelines: list[TimelineRecord] = field(default_factory=list)


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
            names=_device_names(so_far),
            ranks=so_far.ranks,
            links=so_far.links,
        ),
        clock=config.clock,
        machine=_machine(so_far),
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
        accuracy=_accuracy(so_far) if not config.kind.is_real else None,
        plan=None if config.order is None else config.plan.text().splitlines(),
    )


def _found(config: RunConfig) -> dict[str, bool]:
    """What was found to be best for the model here; a split cell's library is of no run that has none."""
    found = config.found or {}
    return {
        name: best for name, best in found.items() if config.cell == "split" or not name.endswith("_products")
    }


def _lost(before: LostTime) -> dict[str, Value]:
    """The processor time that was taken away since the run began."""
    pairs = zip(LostTime._fields, before, lost_time(), strict=True)
    return {f"cpu_{name}": None if then is None or now is None else now - then for name, then, now in pairs}


def _device_names(so_far: SoFar) -> list[str]:
    """As CUDA told them or, in a run that ended before, as the driver did; without a GPU the CPU's."""
    if so_far.ranks:
        return [rank.name for rank in so_far.ranks]
    if not so_far.config.kind.has_gpu:
        return [cpu_model()] * so_far.config.gpus
    told = (so_far.environment.get(f"gpu{number}_name") for number in range(so_far.config.gpus))
    return so_far.device_names or [str(name or "unknown GPU") for name in told]


def _accuracy(so_far: SoFar) -> Accuracy:
    torch = so_far.environment.get("torch")
    if so_far.config.described is not None:
        return accuracy.unstudied(accuracy.packaged())
    return accuracy.quote(
        accuracy.packaged(),
        cpu_model=cpu_model(),
        cpu_count=_whole_cores(),
        torch=torch if isinstance(torch, str) else None,
        studied=so_far.config.model == DEFAULT_MODEL,
    )


def _whole_cores() -> int | None:
    """This machine's cores if this process may use them all: a part of a machine is another machine."""
    count = cpu_count()
    return count if count == usable_cores() else None


def _machine(so_far: SoFar) -> MachineRecord | None:
    if so_far.config.kind != "emulated":
        return None
    config, host = so_far.config, so_far.raced.host_flops_per_s if so_far.raced else None
    if config.needs_link and (host is None or so_far.link is None):
        return MachineRecord(config.machine, "this host", "not measured", None, host, None, None)
    machine = machine_for(
        config.machine,
        host_flops_per_s=host or 0.0,
        measured=so_far.link,
        message_bytes=config.message_bytes,
    )
    dilation = machine.time_dilation(host) if host else None
    return MachineRecord(
        name=machine.name,
        card=machine.card,
        source=machine.source,
        card_flops_per_s=machine.flops_per_s,
        host_flops_per_s=host,
        time_dilation=dilation,
        link=_link(machine.link, machine.link.dilated(dilation) if dilation else None),
    )


def _link(link: Link, dilated: Link | None) -> LinkRecord:
    return LinkRecord(
        latency_s=link.latency_s,
        bytes_per_s=_finite(link.bytes_per_s),
        host_latency_s=dilated.latency_s if dilated else None,
        host_bytes_per_s=_finite(dilated.bytes_per_s) if dilated else None,
        overhead_s=link.overhead_s,
    )


def _finite(value: float) -> float | None:
    """A bandwidth for a record: JSON knows no infinity."""
    return value if isfinite(value) else None


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
    """How many times a stage's mean forward its longest one takes, where slices differ; of the stage in the middle.

    It is by slice: of a cell of several it is what each takes on average.
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
        factors=factors_from(timeline, so_far.config.clock, _machine(so_far), in_all),
        doubts=so_far.given.source.doubts,
        cores=cores,
        available=_available(so_far.config, cores),
        time_dilation=machine.time_dilation if (machine := _machine(so_far)) else None,
        environment=so_far.environment,
        verification=so_far.verification,
        other_way=other_way(so_far.config, timeline, link_of(_machine(so_far))),
        ranks_here=_ranks_here(so_far),
        joined=bool(so_far.ranks),
    )
    found = warnings(facts)
    return [on_purpose, *found] if on_purpose is not None else found


def _ranks_here(so_far: SoFar) -> int:
    """Of the machine of rank 0, which is this one."""
    hosts = [rank.host for rank in so_far.ranks]
    return hosts.count(hosts[0]) if hosts else so_far.config.gpus


def _available(config: RunConfig, cores: Cores) -> int | None:
    """How many devices of the run's kind this machine has; ``None`` where any number can be emulated."""
    if config.kind.has_gpu:
        return len(gpus())
    return int(cores.usable) if config.kind.takes_core and cores.usable is not None else None
