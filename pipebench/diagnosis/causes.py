"""Why a pipeline is no faster: each loss in words with what would help, the largest first. Pure.

A cause is a factor that was measured; what would help depends on what was already done.
"""

from collections.abc import Sequence
from math import floor
from typing import NamedTuple

from pipebench.config.divisors import largest_divisor
from pipebench.config.run_config import RunConfig
from pipebench.diagnosis.factors import Factors
from pipebench.plan.device_kind import DeviceKind
from pipebench.plan.schedules import SCHEDULES
from pipebench.records.figures import DeviceUsage

UNEQUAL, MESSAGES, SHARED = "unequal stages", "messages", "sharing cores"
_WORTH_SHARING = 1.02
WORTH_NAMING = 1.1  # a loss that explains something
_ENOUGH_SLICES = 4  # for each device: fill and drain are then a fifth of the step


class Cause(NamedTuple):
    """A loss as a factor of the step's time; ``text`` and ``remedy`` name the loss and what helps, for a sentence."""

    factor: float
    text: str
    remedy: str


class Cores(NamedTuple):
    """The cores that a run could use, as its machine and its container allow.

    Args:
        usable: cores' worth of time, by affinity and quota; ``None`` if unknown.
        quota: what the container allows, ``None`` without one.
    """

    usable: float | None = None
    quota: float | None = None

    def shared_by(self, kind: DeviceKind, devices: int) -> bool:
        """Whether devices that are processes of this machine take turns on a core."""
        return kind.takes_core and devices > 1 and self.usable is not None and devices > self.usable

    def text(self) -> str:
        """Such as ``1 core, all that the container's quota allows``."""
        assert self.usable is not None
        amount = f"{self.usable:g} core{'' if self.usable == 1 else 's'}"
        bound = self.quota is not None and self.quota <= self.usable
        return f"{amount}, all that the container's quota allows" if bound else amount


def causes(
    config: RunConfig,
    factors: Factors,
    devices: Sequence[DeviceUsage],
    cores: Cores,
    *,
    available: int | None,
    gain_of_sharing: float | None = None,
) -> list[Cause]:
    """All losses of a step, the largest first.

    Args:
        config: what ran.
        factors: those of the step.
        devices: where each device's time went.
        cores: those that the run could use.
        available: how many devices of this kind the machine has, ``None`` if any number can be had.
        gain_of_sharing: how many times as fast a step is with a softmax that all devices share, by simulation.
    """
    slices = config.microbatches * config.chunks
    found = [
        Cause(factors.overlap, overlap_text(slices), _more_overlap(config)),
        Cause(factors.unequal, UNEQUAL, more_equal(config, devices, available, gain_of_sharing)),
        Cause(factors.transfer, MESSAGES, _less_transfer(config)),
        Cause(factors.work, work_text(slices, config.checkpoint), _less_work(config)),
    ]
    if cores.shared_by(config.kind, config.gpus):
        found.append(Cause(factors.shared, f"sharing {cores.text()}", fewer_devices(cores)))
    return sorted(found, key=lambda cause: -cause.factor)


def overlap_text(slices: int) -> str:
    """What keeps devices from working all the time, in a step of so many slices."""
    return "taking turns" if slices == 1 else "fill, drain and waiting"


def _more_overlap(config: RunConfig) -> str:
    schedule, slices = SCHEDULES[config.schedule], config.microbatches * config.chunks
    if schedule.single:
        return "use --schedule gpipe, which lets devices work side by side"
    if config.microbatches == 1 and config.batch > 1 and slices < config.gpus:
        return f"use --microbatches {largest_divisor(config.batch, 16)}: one slice cannot be on two devices"
    if slices < _ENOUGH_SLICES * config.gpus and slices < config.batch * (config.outline.time or 1):
        return "use more --microbatches or --chunks"
    return "use fewer devices, or a larger --batch with more --microbatches"


def more_equal(
    config: RunConfig, devices: Sequence[DeviceUsage], available: int | None, gain_of_sharing: float | None
) -> str:
    """What would make the stages' work more equal; a softmax that all share where that is worth it."""
    slowest = max(devices, key=lambda device: device.busy_s)
    if slowest is devices[-1] and gain_of_sharing is not None and gain_of_sharing >= _WORTH_SHARING:
        return (
            f"try --softmax-devices all: the {config.outline.row.head} in pieces on all devices, by simulation at most "
            f"{gain_of_sharing:.2f}x as fast, since small products cost more; or "
            f"{_more_equal_layers(config, devices, available)}"
        )
    return _more_equal_layers(config, devices, available)


def _more_equal_layers(config: RunConfig, devices: Sequence[DeviceUsage], available: int | None) -> str:
    """What would make the work more equal by another partition or other sizes."""
    slowest = max(devices, key=lambda device: device.busy_s)
    row, sharing = config.outline.row, config.softmax_devices
    if isinstance(sharing, int):
        return _more_equal_beside(config, slowest.device)
    if config.partition_rule != "balanced" and config.gpus < row.layers:
        return "try --partition balanced"
    if not row.head:
        return (
            "cut the largest layer in two" if config.gpus == row.layers else "cut the model into more layers"
        )
    joins = sharing is not None and slowest.device == config.layout.device_of[-1]
    if not joins and slowest not in (devices[0], devices[-1]):
        return f"device {slowest.device} holds no more than others: find what slows it down"
    one_more = row.layers + 1
    can_have_it = available is None or available >= one_more
    if sharing is None and slowest is devices[-1] and config.gpus == row.layers and can_have_it:
        ending = ",".join(["1"] * row.layers + ["0"])
        return f"try --gpus {one_more} --partition {ending}: the {row.head} on a device of its own"
    beside = "the loss, which stands there" if joins else "what stands at the ends"
    return f"{config.outline.heavier} makes {row.noun} weigh more beside {beside}"


def _more_equal_beside(config: RunConfig, slowest: int) -> str:
    """What would make the work more equal where the softmax has devices of its own."""
    outline = config.outline
    can_move = 1 < config.chain_devices < outline.row.layers  # else a device has all layers, or each has one
    if can_move and slowest < config.chain_devices and config.partition_rule != "balanced":
        return "try --partition balanced"
    most = min(config.gpus, outline.row.layers, outline.head_rows or 1)
    if most == 1:
        return f"use more {outline.row.option}, or leave out --softmax-devices"
    return f"try --gpus {most} --softmax-devices all: a piece of the {outline.row.head} on each device with layers"


def _less_transfer(config: RunConfig) -> str:
    fewer = _fewer_slices(config) if config.microbatches * config.chunks > config.gpus else ""
    heavier = config.outline.heavier
    if heavier is None:
        return f"use {fewer}layers that do more work for what they pass on"
    return f"use {fewer}{heavier}: work grows faster than messages"


def work_text(slices: int, checkpoint: str) -> str:
    """What makes the devices' work more than the baseline's, as far as that is known.

    Args:
        slices: how many a step has, microbatches x chunks.
        checkpoint: which slices run forward again.
    """
    again = "" if checkpoint == "none" else " and running forwards again"
    return f"the work of {slices} slices{again}" if slices > 1 else f"the work stage by stage{again}"


def _less_work(config: RunConfig) -> str:
    if config.softmax_devices is not None:
        return f"leave out --softmax-devices, whose small products cost much at these sizes, or use {larger(config)}"
    if config.microbatches * config.chunks > 1:
        return f"use {_fewer_slices(config)}{larger(config)}"
    return (
        f"use {larger(config)}"
        if config.checkpoint == "none"
        else f"use --checkpoint none, or {larger(config)}"
    )


def larger(config: RunConfig) -> str:
    """What makes each slice's work larger, in words."""
    heavier = config.outline.heavier
    return f"{heavier} or --batch" if heavier else "a larger --batch"


def _fewer_slices(config: RunConfig) -> str:
    """The advice to cut the step into fewer of what it is cut into."""
    cut = [name for name in ("microbatches", "chunks") if getattr(config, name) > 1]
    return f"fewer {' or '.join(f'--{name}' for name in cut)}, or "


def fewer_devices(cores: Cores) -> str:
    """What to do where devices share cores."""
    assert cores.usable is not None
    raised = " or raise the quota," if cores.quota is not None and cores.quota <= cores.usable else ""
    most = max(floor(cores.usable), 1)
    return f"use at most --gpus {most} with --device cpu,{raised} or use --device emulated"
