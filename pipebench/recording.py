"""From what a run has measured to its record, whether the run was completed or not."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite

import msgspec

from pipebench import accuracy, budget, summary
from pipebench.config import RunConfig
from pipebench.diagnosis.causes import Cores
from pipebench.diagnosis.factors import factors_of, waited
from pipebench.diagnosis.warnings import Facts, warnings
from pipebench.models.text import data as words
from pipebench.partition import stage_layers
from pipebench.records import schema, store
from pipebench.records.timelines import bubble, device_usages, timeline_from
from pipebench.runtime import faults, messages
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
    data: words.Data | None = None
    created: datetime = field(default_factory=store.now)
    environment: dict[str, Value] = field(default_factory=environment)
    lost_before: LostTime = field(default_factory=lost_time)
    verification: schema.Verification | None = None
    link: MeasuredLink | None = None
    raced: messages.Raced | None = None
    device_names: list[str] | None = None
    launches: list[schema.Launch] = field(default_factory=list)
    timelines: list[schema.TimelineRecord] = field(default_factory=list)


def record_of(
    so_far: SoFar, status: str, failure: schema.Failure | None = None, *, figures: bool = True
) -> schema.RunRecord:
    """Everything so far as a record; figures are there from the first complete launch on, if they are wanted."""
    so_far.environment |= _lost(so_far.lost_before) | {"onednn_projection": so_far.config.onednn}
    config = so_far.config
    base = schema.RunRecord(
        id=store.new_id(so_far.created, f"{config.kind}{config.gpus}-{config.schedule}"),
        created=so_far.created.isoformat(timespec="seconds"),
        status="failed",
        device=schema.Device(kind=config.kind, count=config.gpus, names=_device_names(so_far)),
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
    computed = _figures(so_far) if so_far.launches and figures else {}
    return msgspec.structs.replace(base, status=status, **computed)


def _lost(before: LostTime) -> dict[str, Value]:
    """The processor time that was taken away since the run began."""
    pairs = zip(LostTime._fields, before, lost_time(), strict=True)
    return {f"cpu_{name}": None if then is None or now is None else now - then for name, then, now in pairs}


def _device_names(so_far: SoFar) -> list[str]:
    """As CUDA told them or, in a run that ended before, as the driver did; without a GPU the CPU's."""
    if so_far.config.kind != "cuda":
        return [cpu_model()] * so_far.config.gpus
    told = (so_far.environment.get(f"gpu{number}_name") for number in range(so_far.config.gpus))
    return so_far.device_names or [str(name or "unknown GPU") for name in told]


def _accuracy(so_far: SoFar) -> schema.Accuracy:
    torch = so_far.environment.get("torch")
    return accuracy.quote(
        accuracy.packaged(),
        cpu_model=cpu_model(),
        cpu_count=_whole_cores(),
        torch=torch if isinstance(torch, str) else None,
    )


def _whole_cores() -> int | None:
    """This machine's cores if this process may use them all: a part of a machine is another machine."""
    count = cpu_count()
    return count if count == usable_cores() else None


def _config(so_far: SoFar) -> schema.Config:
    given = msgspec.structs.asdict(so_far.config)
    rate = given.pop("learning_rate")
    del given["onednn"]  # no option but a finding: see the environment
    return schema.Config(
        **{**given, "partition": list(so_far.config.partition) if so_far.config.partition else None},
        optimizer=schema.Optimizer(learning_rate=rate),
        input=_input(so_far),
    )


def _input(so_far: SoFar) -> schema.Input | None:
    """What is counted as words/s; ``None`` if the run ended before the words were read."""
    if so_far.data is None:
        return None
    rounds, rest = divmod(so_far.config.steps, words.BATCHES)
    words_of = [batch.words for batch in so_far.data.batches]
    timed = rounds * sum(words_of) + sum(words_of[:rest])
    return schema.Input(
        kind=so_far.data.kind,
        sha256=so_far.data.sha256,
        tokens=so_far.data.tokens,
        vocabulary=so_far.data.vocabulary,
        words_per_step=timed / so_far.config.steps,
        count_rule=so_far.data.count_rule,
        unknown_share=so_far.data.unknown_share,
        bytes_read=so_far.data.bytes_read,
        whole=so_far.data.whole,
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
        "warnings": _warnings(so_far, timeline, devices, measured),
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
    return counted.items / step_s


def _warnings(
    so_far: SoFar, timeline: Timeline, devices: Sequence[schema.DeviceUsage], measured: schema.Speedup
) -> list[schema.WarningRecord]:
    assert so_far.data is not None
    on_purpose = faults.warning()
    cores = Cores(usable_cores(), quota_cores())
    takes_turns = cores.shared_by(so_far.config.device, so_far.config.gpus)
    shared = waited(so_far.launches) if takes_turns else 1.0
    facts = Facts(
        config=so_far.config,
        launches=so_far.launches,
        devices=devices,
        measured=measured,
        factors=factors_of(timeline, summary.baseline_step_s(so_far.launches), shared=shared),
        repeated_text=so_far.data.repeated,
        unknown_share=so_far.data.unknown_share,
        enough_vocab=so_far.data.enough_vocab,
        letters_unknown=so_far.data.letters_unknown,
        cores=cores,
        available=_available(so_far.config, cores),
        time_dilation=machine.time_dilation if (machine := _machine(so_far)) else None,
        environment=so_far.environment,
        verification=so_far.verification,
    )
    found = warnings(facts)
    return [on_purpose, *found] if on_purpose is not None else found


def _available(config: RunConfig, cores: Cores) -> int | None:
    """How many devices of the run's kind this machine has; ``None`` where any number can be emulated."""
    if config.device == "cuda":
        return len(gpus())
    return int(cores.usable) if config.device == "cpu" and cores.usable is not None else None
