"""The timed part of a launch: one-step blocks of the baseline and of each pipeline in turn."""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from msgspec import UNSET

from pipebench.launching import faults, messages
from pipebench.launching.phases import Phase
from pipebench.measuring.allocator import page_faults
from pipebench.records.launches import Block, Launch, PipelineSamples, Samples
from pipebench.records.spans import TimelineRecord
from pipebench.records.timelines import busy_s

if TYPE_CHECKING:
    from pipebench.measuring.pair import Pair

_TIMELINES = 8  # reported by each launch, of the steps nearest its median; a record stores one of them


def time_blocks(
    job: messages.Job, rank: int, pairs: Sequence["Pair"], report: Callable[[messages.Message], None]
) -> None:
    """Warm up and run the timed blocks; rank 0 reports a launch of each pipeline.

    Args:
        job: the job of the launch.
        rank: the rank of this process.
        pairs: the pipelines, each paired with the same baseline.
        report: takes progress and launches.
    """
    first = pairs[0]
    for number in range(job.config.warmup):
        faults.happen(Phase.WARM_UP, rank)
        report(messages.Progress(phase=Phase.WARM_UP, share=0.65 if job.form is None else 0.3))
        first.rest()
        first.baseline_step(-1 - number)
        for pair in pairs:
            pair.pipeline_step(-1 - number)
            pair.check_losses(steps=number + 1)
    first.touch_memory()
    gc.collect()
    gc.freeze()
    timed = [_Timed(pair) for pair in pairs]
    baseline = _Spent()
    started = time.perf_counter()
    order = list(in_turn(job.config.steps, len(pairs)))
    begun = 0.75 if job.form is None else 0.5
    for number, which in enumerate(order):
        faults.happen(Phase.TIMED, rank)
        share = begun + (1 - begun) * number / len(order)
        report(messages.Progress(phase=Phase.TIMED, share=share))
        first.rest()
        before = _usage()
        block = Block(kind="baseline" if which is None else "pipeline", start_s=before[0] - started, steps=1)
        if which is None:
            baseline.step_s.append(first.baseline_step(len(baseline.step_s)))
            baseline.add(before, _usage())
        else:
            one = timed[which]
            measured = one.pair.pipeline_step(len(one.timelines))
            one.spent.add(before, _usage())
            one.timelines.append(one.pair.timeline(measured))
        for one in timed if which is None else [timed[which]]:
            one.blocks.append(block)
        if all(len(one.timelines) == len(baseline.step_s) for one in timed):
            for pair in pairs:
                pair.check_losses(steps=job.config.warmup + len(baseline.step_s))
    first.compare_clocks()
    for which, one in enumerate(timed):
        of_all_ranks = _OfAllRanks(one.pair.peaks_bytes(), one.pair.wall_per_cpu(), one.pair.other_library())
        if rank == 0:
            launch, near = _measured(job, one, baseline, of_all_ranks)
            report(messages.Measured(launch=launch, timelines=near, which=which))


class _Spent:
    """The steps of the baseline or of one pipeline, and their total wall seconds, CPU seconds and page faults."""

    def __init__(self) -> None:
        self.step_s: list[float] = []
        self.total = [0.0, 0.0, 0.0]

    def add(self, before: tuple[float, float, float], after: tuple[float, float, float]) -> None:
        self.total = [sum_ + end - start for sum_, start, end in zip(self.total, before, after, strict=True)]


class _Timed:
    """A pipeline's timed steps in a launch."""

    def __init__(self, pair: "Pair") -> None:
        self.pair, self.spent = pair, _Spent()
        self.timelines: list[TimelineRecord] = []
        self.blocks: list[Block] = []


class _OfAllRanks(NamedTuple):
    """What rank 0 knows of all ranks of a pipeline; see ``Pair``."""

    peaks_bytes: list[int] | None
    wall_per_cpu: float | None
    other_library: list[int]


def _measured(
    job: messages.Job, timed: _Timed, baseline: _Spent, of_all_ranks: _OfAllRanks
) -> tuple[Launch, list[TimelineRecord]]:
    """The launch of one of the pipelines, and the timelines of its steps nearest the median."""
    spent = [0.0, 0.0, 0.0]
    if timed.pair.pipeline_is_cpu_time or job.config.baseline_partition is None:
        spent = [total + more for total, more in zip(spent, baseline.total, strict=True)]
    if timed.pair.pipeline_is_cpu_time:
        spent = [total + more for total, more in zip(spent, timed.spent.total, strict=True)]
    wall_s, cpu_s, page_faults = spent
    steps_s = [timeline.makespan_s for timeline in timed.timelines]
    middle_s = median(steps_s)
    launch = Launch(
        baseline=Samples(step_s=baseline.step_s),
        pipeline=PipelineSamples(step_s=steps_s, busy_s=[busy_s(timeline) for timeline in timed.timelines]),
        blocks=timed.blocks,
        page_faults=int(page_faults),
        wall_per_cpu=max(wall_s / cpu_s, of_all_ranks.wall_per_cpu or 0.0)
        if cpu_s and timed.pair.device.has_cpu_clock
        else None,
        peaks_bytes=of_all_ranks.peaks_bytes,
        clocks=timed.pair.host_clocks() or UNSET,
        other_library=of_all_ranks.other_library or UNSET,
    )
    near = sorted(timed.timelines, key=lambda timeline: abs(timeline.makespan_s - middle_s))[:_TIMELINES]
    return launch, near


def in_turn(steps: int, pipelines: int = 1) -> Iterator[int | None]:
    """The order of the one-step blocks: the baseline (``None``), each pipeline, then the same backwards, and so on.

    With one pipeline: baseline, pipeline, pipeline, baseline, ... Each of them gets ``steps`` blocks.
    """
    kinds = (None, *range(pipelines))
    for number in range(steps):
        yield from kinds if number % 2 == 0 else reversed(kinds)


def _usage() -> tuple[float, float, float]:
    """Wall seconds, this thread's CPU seconds, and this process's minor page faults so far."""
    faults = page_faults()
    return time.perf_counter(), time.thread_time(), faults
