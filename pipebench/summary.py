"""From raw samples to the figures of a record. Pure.

A launch's ratio is median(baseline) / median(pipeline); the speed-up is the geometric mean over launches;
words/s come from the geometric mean of launch medians, so that speed-up = pipeline / baseline exactly.
"""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, median
from typing import TYPE_CHECKING

from pipebench.records.schema import DeviceUsage, Launch, Speedup, TimelineRecord, WarningRecord
from pipebench.statistics import geometric_mean, ratio_interval

if TYPE_CHECKING:
    from pipebench.config import RunConfig

CONTENTION = 1.05
_DILATION = 300  # an H100 over one CPU core is 120 to 150
FAULTS_A_STEP = 3000  # some 10 to 30 ms, where a page costs 3 to 9 us
_WIDE = 0.05
_IMBALANCE = 1.2
_MANY_UNKNOWN = 1 / 3
_LARGE_VOCABULARY = 20  # times the one that was asked for: the projection would be most of the model


def speedup(launches: Sequence[Launch]) -> Speedup:
    """The speed-up with its interval."""
    ratios = [median(launch.baseline.step_s) / median(launch.pipeline.step_s) for launch in launches]
    value, low, high = ratio_interval(ratios)
    return Speedup(value=value, low=low, high=high)


def baseline_step_s(launches: Sequence[Launch]) -> float:
    """The baseline's step."""
    return geometric_mean([median(launch.baseline.step_s) for launch in launches])


def pipeline_step_s(launches: Sequence[Launch]) -> float:
    """The pipeline's step."""
    return geometric_mean([median(launch.pipeline.step_s) for launch in launches])


def peaks_bytes(launches: Sequence[Launch]) -> list[int] | None:
    """The most that each device's tensors took in any launch; ``None`` where a launch did not measure it."""
    peaks = [launch.peaks_bytes for launch in launches if launch.peaks_bytes is not None]
    return [max(of_device) for of_device in zip(*peaks, strict=True)] if len(peaks) == len(launches) else None


def nearest(timelines: Sequence[TimelineRecord], step_s: float) -> TimelineRecord:
    """The measured step nearest to ``step_s``."""
    return min(timelines, key=lambda timeline: abs(timeline.makespan_s - step_s))


def warnings(
    config: "RunConfig",
    launches: Sequence[Launch],
    devices: Sequence[DeviceUsage],
    measured: Speedup,
    *,
    repeated_text: bool,
    unknown_share: float = 0.0,
    enough_vocab: int | None = None,
    cpus_allowed: int | None = None,
    time_dilation: float | None = None,
    environment: Mapping[str, str | int | float | bool | None] | None = None,
) -> list[WarningRecord]:
    """What a reader of the figures must know, each with its cause and the next step."""
    found = [
        _cores_shared(config, cpus_allowed),
        _dilation(config, time_dilation),
        *_gpus(config, environment or {}),
        _contention(launches) if cpus_allowed is None or config.ranks <= cpus_allowed else None,
        _page_faults(config, launches),
        _interval(config, measured),
        _imbalance(config, devices, cpus_allowed),
        _slower(measured),
        _repeated(repeated_text),
        _unknown(config, unknown_share, enough_vocab),
    ]
    return [warning for warning in found if warning is not None]


def _cores_shared(config: "RunConfig", cpus_allowed: int | None) -> WarningRecord | None:
    if cpus_allowed is None or config.ranks <= cpus_allowed:
        return None
    return WarningRecord(
        code="cores-shared",
        cause=f"{config.ranks} devices share {cpus_allowed} cores: the speed-up is not that of {config.ranks} devices",
        next_step=f"use at most --gpus {cpus_allowed} with --device cpu, or --device emulated",
    )


def _gpus(
    config: "RunConfig", environment: Mapping[str, str | int | float | bool | None]
) -> Iterator[WarningRecord]:
    """What the driver said of the GPUs: others that compute on them, and clocks that were held back."""
    for number in range(config.gpus if config.device == "cuda" else 0):
        others = environment.get(f"gpu{number}_other_processes")
        if others:
            yield WarningRecord(
                code="gpu-shared",
                cause=f"other processes computed on GPU {number} when the run began: {others}",
                next_step="end them, or choose other GPUs with CUDA_VISIBLE_DEVICES",
            )
        reasons = environment.get(f"gpu{number}_throttle_reasons")
        if reasons:
            yield WarningRecord(
                code="throttled",
                cause=f"GPU {number} ran below its clocks while it was timed: {reasons}",
                next_step="let it cool, raise its power limit, or lock its clocks with nvidia-smi -lgc",
            )


def _dilation(config: "RunConfig", time_dilation: float | None) -> WarningRecord | None:
    if time_dilation is None or (config.dtype == "float32" and time_dilation <= _DILATION):
        return None
    return WarningRecord(
        code="dilation",
        cause=f"the card's speed is stated for float32 and large products; this host's, {time_dilation:.0f}x slower "
        f"here, is of {config.dtype} at these sizes: the emulated link is slower than it should be",
        next_step="use float32 and a larger --hidden or --batch",
    )


def _contention(launches: Sequence[Launch]) -> WarningRecord | None:
    worst = max((launch.wall_per_cpu or 1.0 for launch in launches), default=1.0)
    if worst <= CONTENTION:
        return None
    return WarningRecord(
        code="cpu-contention",
        cause=f"a launch took {worst:.2f}x its CPU time by the wall clock: other work shared its core, and caches",
        next_step="stop other programs and run again",
    )


def _page_faults(config: "RunConfig", launches: Sequence[Launch]) -> WarningRecord | None:
    steps = 2 * config.steps
    worst = max((launch.page_faults or 0 for launch in launches), default=0) / steps
    if worst <= FAULTS_A_STEP:
        return None
    return WarningRecord(
        code="page-faults",
        cause=f"a launch met {worst:,.0f} new memory pages a step, which costs the baseline's large tensors most",
        next_step="run again; only on Linux with glibc can freed memory be kept, elsewhere compare like with like",
    )


def _interval(config: "RunConfig", measured: Speedup) -> WarningRecord | None:
    if measured.low is None or measured.high is None:
        return WarningRecord(
            code="one-launch",
            cause="one launch says nothing of the spread between launches: the speed-up has no interval",
            next_step="run with --launches 6",
        )
    if measured.high / measured.low <= (1 + _WIDE) ** 2:
        return None
    return WarningRecord(
        code="wide-interval",
        cause=f"the speed-up's interval spans {measured.low:.2f} to {measured.high:.2f}",
        next_step="run on an idle machine"
        + ("" if config.launches >= 12 else ", or with --rigorous for 12 launches"),
    )


def _imbalance(
    config: "RunConfig", devices: Sequence[DeviceUsage], cpus_allowed: int | None
) -> WarningRecord | None:
    if len(devices) < 2 or (cpus_allowed is not None and config.ranks > cpus_allowed):
        return None
    slowest = max(devices, key=lambda device: device.busy_s)
    factor = slowest.busy_s / fmean(device.busy_s for device in devices)
    if factor <= _IMBALANCE:
        return None
    if config.partition_rule != "balanced" and config.gpus < config.layers:
        remedy = "try --partition balanced"
    elif config.gpus == config.layers and slowest is devices[-1]:
        ending = ",".join(["1"] * config.layers + ["0"])
        remedy = f"try --gpus {config.layers + 1} --partition {ending}: the projection on a device of its own"
    else:
        remedy = "a larger --hidden makes LSTM layers weigh more beside embedding and projection"
    return WarningRecord(
        code="imbalance",
        cause=f"device {slowest.device} ({slowest.layers}) is busy {factor:.2f}x the mean and sets the pace",
        next_step=remedy,
    )


def _slower(measured: Speedup) -> WarningRecord | None:
    if measured.value >= 1:
        return None
    return WarningRecord(
        code="slower-than-one-device",
        cause="the pipeline is slower than one device: its slices are so small that calls cost more than work",
        next_step="use fewer --microbatches or --chunks, or a larger --hidden or --batch",
    )


def _repeated(repeated_text: bool) -> WarningRecord | None:
    if not repeated_text:
        return None
    return WarningRecord(
        code="short-text",
        cause="the text has fewer sentences than the batches need: they were used again",
        next_step="use a longer --text, or a smaller --batch",
    )


def _unknown(config: "RunConfig", unknown_share: float, enough_vocab: int | None) -> WarningRecord | None:
    """Words without an id are all one to the model: what it is given is hardly the text any more."""
    if unknown_share <= _MANY_UNKNOWN:
        return None
    units = {"words": "words", "characters": "characters", "spaces": "tokens"}[config.tokens]
    helps = enough_vocab is not None and enough_vocab <= _LARGE_VOCABULARY * config.vocab
    larger = f"--vocab {enough_vocab} leaves a quarter of them"
    if config.tokens == "characters":
        step = f"use a larger --vocab: {larger}" if enough_vocab else "use another text"
    elif enough_vocab is None:
        step = "the text says itself that they are unknown: use one whose rare words were not replaced"
    elif helps:
        step = f"use a larger --vocab: {larger}"
    else:
        other = "--tokens characters, or words" if config.tokens == "spaces" else "--tokens characters"
        step = f"use {other}: this text has so many {units} that only {larger}"
    return WarningRecord(
        code="unknown-words",
        cause=f"{100 * unknown_share:.0f} % of the {units} have no id among {config.vocab}: all of them are one word",
        next_step=step,
    )
