"""What a reader of a run's figures must know, each with its cause and the next step. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from pipebench.config.run_config import RunConfig
from pipebench.diagnosis.causes import (
    WORTH_NAMING,
    Cause,
    Cores,
    causes,
    fewer_devices,
    larger,
    more_equal,
)
from pipebench.diagnosis.contention import Environment, contention
from pipebench.diagnosis.factors import Factors
from pipebench.diagnosis.other_library import other_library
from pipebench.diagnosis.sharing_slows import sharing_slows
from pipebench.diagnosis.slowed import slowed
from pipebench.diagnosis.vanishing import vanishing
from pipebench.models.outline import Doubt
from pipebench.records.figures import DeviceUsage, Speedup, Verification
from pipebench.records.launches import Launch
from pipebench.records.schema import WarningRecord
from pipebench.warning_codes import WarningCode

FAULTS_A_STEP = 3000  # some 10 to 30 ms, where a page costs 3 to 9 us
_DILATION = 300  # an H100 over one CPU core is 120 to 150
_WIDE = 0.05
_IMBALANCE = 1.2
_MESSAGES_COUNT = 1.02  # how many times as long messages must make the step to be told of beside another loss
_GAIN = 1.05  # how many times as fast equal stages must make the step for a warning
_QUICK_LAUNCHES, _USUAL_LAUNCHES, _MOST_LAUNCHES = 3, 6, 12


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that is known of a run when its warnings are made.

    Args:
        config: what ran.
        launches: raw samples.
        devices: where each device's time went, in the step that ``factors`` are of.
        measured: the speed-up.
        factors: those of a step near the median; ``None`` leaves its causes unknown.
        doubts: those about its input.
        cores: those that the run could use.
        available: how many devices of this kind there are, ``None`` if any number can be had.
        time_dilation: that of an emulated machine.
        environment: that of the record.
        verification: how near the gradients are to the baseline's.
        other_way: how many times as fast the step would be with a softmax that all devices share or, where they do,
            with one that none does, by simulation; ``None`` if that is not known.
        ranks_here: how many ranks this machine has, if others have ranks too.
        joined: whether torchrun or Slurm started the ranks.
        raced_s: the steps of the baseline's form in its race.
    """

    config: RunConfig
    launches: Sequence[Launch]
    devices: Sequence[DeviceUsage]
    measured: Speedup
    factors: Factors | None = None
    doubts: Sequence[Doubt] = ()
    cores: Cores = field(default_factory=Cores)
    available: int | None = None
    time_dilation: float | None = None
    environment: Environment = field(default_factory=dict)
    verification: Verification | None = None
    other_way: float | None = None
    ranks_here: int | None = None
    joined: bool = False
    raced_s: Sequence[float] = ()

    @property
    def gain_of_sharing(self) -> float | None:
        """The gain of a softmax that all devices share, where they do not."""
        return self.other_way if self.config.softmax_devices is None else None

    @property
    def here(self) -> int:
        """How many ranks this machine has."""
        return self.config.gpus if self.ranks_here is None else self.ranks_here

    @property
    def cores_shared(self) -> bool:
        """Whether devices took turns on cores."""
        return self.cores.shared_by(self.config.kind, self.here)


def warnings(facts: Facts) -> list[WarningRecord]:
    """All warnings of a run; those that matter most for its figures come first."""
    found = [
        _cores_shared(facts),
        _few_cores(facts),
        _dilation(facts),
        *_gpus(facts),
        _run_beside(facts),
        None if facts.cores_shared else contention(facts.launches, facts.environment),
        _page_faults(facts),
        slowed(facts.config, facts.launches, facts.raced_s),
        other_library(facts.launches),
        _interval(facts),
        _imbalance(facts),
        None if facts.cores_shared else sharing_slows(facts.config, facts.other_way),
        _slower(facts),
        *(WarningRecord(doubt.code, doubt.cause, doubt.next_step) for doubt in facts.doubts),
        vanishing(facts.config, facts.verification),
    ]
    return [warning for warning in found if warning is not None]


def _run_beside(facts: Facts) -> WarningRecord | None:
    if not facts.environment.get("another_run_beside"):
        return None
    return WarningRecord(
        code=WarningCode.RUN_BESIDE,
        cause="another pipebench run measured on this machine at the same time: each slows the other down",
        next_step="run one after the other",
    )


def _cores_shared(facts: Facts) -> WarningRecord | None:
    if not facts.cores_shared:
        return None
    ranks = facts.here
    return WarningRecord(
        code=WarningCode.CORES_SHARED,
        cause=f"{ranks} devices share {facts.cores.text()}: the speed-up is not that of {ranks} devices",
        next_step=fewer_devices(facts.cores),
    )


def _few_cores(facts: Facts) -> WarningRecord | None:
    """A warning of GPUs whose ranks take turns on a core."""
    usable, gpus = facts.cores.usable, facts.here
    if not facts.config.kind.has_gpu or usable is None or usable >= gpus:
        return None
    return WarningRecord(
        code=WarningCode.FEW_CORES,
        cause=f"{gpus} GPUs get their work from {facts.cores.text()}: a GPU can wait for its rank's turn",
        next_step="give the run at least as many cores as GPUs",
    )


def _gpus(facts: Facts) -> Iterator[WarningRecord]:
    """What the driver said of the GPUs: others that compute on them, and clocks that were held back."""
    for number in range(facts.config.gpus if facts.config.kind.has_gpu else 0):
        others = facts.environment.get(f"gpu{number}_other_processes")
        if others:
            yield WarningRecord(
                code=WarningCode.GPU_SHARED,
                cause=f"other processes computed on GPU {number} when the run began: {others}",
                next_step="end them, or choose other GPUs with CUDA_VISIBLE_DEVICES",
            )
        reasons = facts.environment.get(f"gpu{number}_throttle_reasons")
        if reasons:
            yield WarningRecord(
                code=WarningCode.THROTTLED,
                cause=f"GPU {number} ran below its clocks while it was timed: {reasons}",
                next_step=unthrottled(str(reasons)),
            )


def unthrottled(reasons: str) -> str:
    """What ends the driver's reasons for lower clocks."""
    steps = [
        step
        for word, step in (
            ("thermal", "let it cool"),
            ("power-cap", "raise its power limit, or lock lower clocks with nvidia-smi -lgc"),
            ("power-brake", "look at its power supply"),
            ("hw-slowdown", "look at its cooling and power supply"),
        )
        if word in reasons
    ]
    return "; ".join(steps) or "see nvidia-smi -q -d PERFORMANCE"


def _dilation(facts: Facts) -> WarningRecord | None:
    config, dilation = facts.config, facts.time_dilation
    alike = (
        config.dtype == "float32" or config.described is not None
    )  # measured on the built-in model in float32
    if dilation is None or (alike and dilation <= _DILATION):
        return None
    other = "" if config.dtype == "float32" else "float32 and "
    return WarningRecord(
        code=WarningCode.DILATION,
        cause=f"the card's speed is stated for float32 and large products; this host's speed, {dilation:.0f}x slower "
        f"here, is for {config.dtype} at these sizes: the emulated link is slower than it should be",
        next_step=f"use {other}{larger(config)}",
    )


def _page_faults(facts: Facts) -> WarningRecord | None:
    worst = max((launch.page_faults or 0 for launch in facts.launches), default=0) / (2 * facts.config.steps)
    if worst <= FAULTS_A_STEP:
        return None
    kept = facts.environment.get("allocator_keeps_memory")
    return WarningRecord(
        code=WarningCode.PAGE_FAULTS,
        cause=f"a launch met {worst:,.0f} new memory pages a step, which costs the baseline's large tensors most",
        next_step="freed memory is not kept here: run with glibc's own allocator, or compare like with like"
        if kept is False
        else "run again",
    )


def _interval(facts: Facts) -> WarningRecord | None:
    measured = facts.measured
    if measured.low is None or measured.high is None:
        return WarningRecord(
            code=WarningCode.ONE_LAUNCH,
            cause="one launch says nothing of the spread between launches: the speed-up has no interval",
            next_step="start it a few times more, and join the records: pipebench merge FOLDER"
            if facts.joined
            else "run with --launches 6",
        )
    if measured.high / measured.low <= (1 + _WIDE) ** 2:
        return None
    return WarningRecord(
        code=WarningCode.WIDE_INTERVAL,
        cause=f"the speed-up's interval spans {measured.low:.2f} to {measured.high:.2f}",
        next_step=f"run on an idle machine{_more_launches(facts.config.launches)}",
    )


def _more_launches(launches: int) -> str:
    """How to have more launches, beside the options that were given."""
    if launches >= _MOST_LAUNCHES:
        return ""
    more = {
        _QUICK_LAUNCHES: "--rigorous in the place of --quick, 12 launches",
        _USUAL_LAUNCHES: "--rigorous, 12 launches",
    }
    return f", or with {more.get(launches, f'--launches {_MOST_LAUNCHES}')}"


def _imbalance(facts: Facts) -> WarningRecord | None:
    """A warning of stages of unequal work, where equal ones would shorten the step."""
    devices, factors = facts.devices, facts.factors
    if len(devices) < 2 or facts.cores_shared or factors is None:
        return None
    slowest = max(devices, key=lambda device: device.busy_s)
    busier = slowest.busy_s / fmean(device.busy_s for device in devices)
    if busier <= _IMBALANCE or factors.unequal < _GAIN:
        return None
    return WarningRecord(
        code=WarningCode.IMBALANCE,
        cause=f"device {slowest.device} ({slowest.layers}) is busy {busier:.2f}x the mean, and sets the pace: "
        + _lengthened(factors),
        next_step=more_equal(facts.config, devices, facts.available, facts.gain_of_sharing),
    )


def _lengthened(factors: Factors) -> str:
    """How much longer unequal stages make a step. The factor is that of a step whose messages take no time."""
    longer = f"{factors.unequal:.2f}x as long as with equal stages"
    if factors.transfer < _MESSAGES_COUNT:
        return f"the step takes {longer}"
    return f"with messages that take no time the step would take {longer}"


def _slower(facts: Facts) -> WarningRecord | None:
    """A warning of a pipeline that gains nothing, with the factors that say why."""
    value, high = facts.measured.value, facts.measured.high
    if value >= 1 or (facts.config.gpus == 1 and high is not None and high >= 1):  # one device cannot gain
        return None
    sure = high is None or high < 1
    against = facts.config.baseline_devices
    other = "one device" if against == 1 else f"the naive schedule on {against} devices"
    head = f"the pipeline is slower than {other}" if sure else f"the pipeline is no faster than {other}"
    found = _losses(facts)
    lost = ", then ".join(f"{cause.factor:.2f}x to {cause.text}" for cause in found)
    return WarningRecord(
        code=WarningCode.SLOWER_THAN_ONE_DEVICE,
        cause=f"{head}: of at most {facts.config.gpus}x it loses {lost}" if found else head,
        next_step=found[0].remedy if found else "look at where the time of each device goes",
    )


def _losses(facts: Facts) -> list[Cause]:
    """The largest loss, and others that are worth naming."""
    if facts.factors is None:
        return []
    every = causes(
        facts.config,
        facts.factors,
        facts.devices,
        facts.cores,
        available=facts.available,
        gain_of_sharing=facts.gain_of_sharing,
    )
    return [cause for number, cause in enumerate(every) if number == 0 or cause.factor >= WORTH_NAMING]
