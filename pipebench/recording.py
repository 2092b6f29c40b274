"""From what a run has measured to its record, whether the run was completed or not."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite

import msgspec

from pipebench import accuracy, budget, summary
from pipebench.config import RunConfig
from pipebench.models import data as words
from pipebench.partition import stage_layers
from pipebench.records import schema, store
from pipebench.records.timelines import bubble, device_usages, timeline_from
from pipebench.runtime import faults, messages
from pipebench.telemetry.environment import Value, cpu_model, cpus_allowed, environment
from pipebench.timing.links import Link
from pipebench.timing.machines import machine_for
from pipebench.timing.measured_link import MeasuredLink


@dataclass
class SoFar:
    """What a run knows and has measured so far."""

    config: RunConfig
    data: words.Data | None = None
    created: datetime = field(default_factory=store.now)
    environment: dict[str, Value] = field(default_factory=environment)
    verification: schema.Verification | None = None
    link: MeasuredLink | None = None
    raced: messages.Raced | None = None
    device_names: list[str] | None = None
    launches: list[schema.Launch] = field(default_factory=list)
    timelines: list[schema.TimelineRecord] = field(default_factory=list)


def record_of(so_far: SoFar, status: str, failure: schema.Failure | None = None) -> schema.RunRecord:
    """Everything so far as a record; figures are there from the first complete launch on."""
    config = so_far.config
    names = so_far.device_names or [cpu_model()] * config.gpus
    base = schema.RunRecord(
        id=store.new_id(so_far.created, f"{config.kind}{config.gpus}-{config.schedule}"),
        created=so_far.created.isoformat(timespec="seconds"),
        status="failed",
        device=schema.Device(kind=config.kind, count=config.gpus, names=names),
        clock=config.clock,
        machine=_machine(so_far),
        config=_config(so_far),
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
        failure=failure,
        accuracy=_accuracy(so_far) if config.kind == "emulated" else None,
    )
    figures = _figures(so_far) if so_far.launches else {}
    return msgspec.structs.replace(base, status=status, **figures)


def _accuracy(so_far: SoFar) -> schema.Accuracy:
    torch = so_far.environment.get("torch")
    return accuracy.quote(
        accuracy.packaged(),
        cpu_model=cpu_model(),
        cpu_count=os.cpu_count(),
        torch=torch if isinstance(torch, str) else None,
    )


def _config(so_far: SoFar) -> schema.Config:
    given = msgspec.structs.asdict(so_far.config)
    rate = given.pop("learning_rate")
    return schema.Config(
        **{**given, "partition": list(so_far.config.partition) if so_far.config.partition else None},
        optimizer=schema.Optimizer(learning_rate=rate),
        input=_input(so_far),
    )


def _input(so_far: SoFar) -> schema.Input | None:
    """What is counted as words/s; ``None`` if the run ended before the words were read."""
    if so_far.data is None:
        return None
    timed = [so_far.data.batches[n % words.BATCHES].words for n in range(so_far.config.steps)]
    return schema.Input(
        kind=so_far.data.kind,
        sha256=so_far.data.sha256,
        tokens=so_far.data.tokens,
        vocabulary=so_far.data.vocabulary,
        words_per_step=sum(timed) / len(timed),
        count_rule=words.COUNT_RULE,
    )


def _machine(so_far: SoFar) -> schema.MachineRecord | None:
    if so_far.config.kind != "emulated":
        return None
    config, host = so_far.config, so_far.raced.host_flops_per_s if so_far.raced else None
    if config.needs_link and (host is None or so_far.link is None):
        return schema.MachineRecord(config.machine, "this host", "not measured", None, host, None, None)
    machine = machine_for(
        config.machine,
        host_flops_per_s=host or 0.0,
        measured=so_far.link,
        message_bytes=config.message_bytes,
    )
    dilation = machine.time_dilation(host) if host else None
    return schema.MachineRecord(
        name=machine.name,
        card=machine.card,
        source=machine.source,
        card_flops_per_s=machine.flops_per_s,
        host_flops_per_s=host,
        time_dilation=dilation,
        link=_link(machine.link, machine.link.dilated(dilation) if dilation else None),
    )


def _link(link: Link, dilated: Link | None) -> schema.LinkRecord:
    return schema.LinkRecord(
        latency_s=link.latency_s,
        bytes_per_s=_finite(link.bytes_per_s),
        host_latency_s=dilated.latency_s if dilated else None,
        host_bytes_per_s=_finite(dilated.bytes_per_s) if dilated else None,
        overhead_s=link.overhead_s,
    )


def _finite(value: float) -> float | None:
    """A bandwidth for a record: JSON knows no infinity."""
    return value if isfinite(value) else None


def _figures(so_far: SoFar) -> dict[str, object]:
    """Every part of the record that is computed from launches."""
    assert so_far.raced is not None
    assert so_far.config.partition is not None
    step_s = summary.pipeline_step_s(so_far.launches)
    stored = summary.nearest(so_far.timelines, step_s)
    timeline = timeline_from(stored, so_far.config.graph)
    devices = device_usages(
        timeline,
        [layers.text() for layers in stage_layers(so_far.config.partition)],
        budget.device_memory(so_far.config, so_far.config.partition),
        summary.peaks_bytes(so_far.launches),
    )
    measured = summary.speedup(so_far.launches)
    return {
        "baseline": _baseline(so_far, so_far.raced),
        "pipeline": schema.Pipeline(step_s=step_s, words_per_s=_words_per_s(so_far, step_s)),
        "speedup": measured,
        "efficiency": measured.value / so_far.config.gpus,
        "bubble": bubble(timeline),
        "devices": devices,
        "timeline": stored,
        "warnings": _warnings(so_far, devices, measured),
    }


def _baseline(so_far: SoFar, raced: messages.Raced) -> schema.Baseline:
    step_s = summary.baseline_step_s(so_far.launches)
    return schema.Baseline(
        kind=raced.form.kind,
        microbatches=raced.form.microbatches,
        step_s=step_s,
        words_per_s=_words_per_s(so_far, step_s),
        candidates=raced.candidates,
        device=raced.device,
        device_flops_per_s=raced.device_flops_per_s,
    )


def _words_per_s(so_far: SoFar, step_s: float) -> float:
    counted = _input(so_far)
    assert counted is not None
    return counted.words_per_step / step_s


def _warnings(
    so_far: SoFar, devices: Sequence[schema.DeviceUsage], measured: schema.Speedup
) -> list[schema.WarningRecord]:
    assert so_far.data is not None
    on_purpose = faults.warning()
    found = summary.warnings(
        so_far.config,
        so_far.launches,
        devices,
        measured,
        repeated_text=so_far.data.repeated,
        cpus_allowed=cpus_allowed() if so_far.config.device != "cuda" else None,
        environment=so_far.environment,
        time_dilation=machine.time_dilation if (machine := _machine(so_far)) else None,
    )
    ours = [*([on_purpose] if on_purpose is not None else []), *_beside(so_far)]
    return [*ours, *found]


def _beside(so_far: SoFar) -> list[schema.WarningRecord]:
    """Whether another run measured on this machine meanwhile."""
    if not so_far.environment.get("another_run_beside"):
        return []
    return [
        schema.WarningRecord(
            code="run-beside",
            cause="another pipebench run measured on this machine at the same time: each slows the other down",
            next_step="run one after the other",
        )
    ]
