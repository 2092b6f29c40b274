"""What a run ran on, as its record says it: devices, the emulated machine, and how far its numbers can be trusted."""

from math import isfinite

from pipebench.models.registry import DEFAULT_MODEL
from pipebench.records.devices import LinkRecord, MachineRecord
from pipebench.records.figures import Accuracy
from pipebench.run import accuracy
from pipebench.run.so_far import SoFar
from pipebench.telemetry.environment import (
    cpu_count,
    cpu_model,
    usable_cores,
)
from pipebench.timing.links import Link
from pipebench.timing.machines import machine_for


def device_names(so_far: SoFar) -> list[str]:
    """The names as CUDA gave them or, in a run that ended before that, the driver; without a GPU the CPU's."""
    if so_far.ranks:
        return [rank.name for rank in so_far.ranks]
    if not so_far.config.kind.has_gpu:
        return [cpu_model()] * so_far.config.gpus
    told = (so_far.environment.get(f"gpu{number}_name") for number in range(so_far.config.gpus))
    return so_far.device_names or [str(name or "unknown GPU") for name in told]


def accuracy_of(so_far: SoFar) -> Accuracy:
    """How far an emulated number of this run can be trusted, by the study that comes with pipebench."""
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


def machine_of(so_far: SoFar) -> MachineRecord | None:
    """The machine that is emulated, as far as it is known yet; ``None`` on real devices."""
    if so_far.config.kind.is_real:
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
