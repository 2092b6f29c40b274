"""The pair that a launch measures: baseline and pipeline, side by side on the same batches.

EmulatedPair   all devices in this process: thread CPU time, virtual makespans
RankedPair     this process is one rank: the wall clock; the baseline runs in rank 0
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from msgspec import structs

from pipebench.config.run_config import RunConfig
from pipebench.engine.device import CpuDevice, RankDevice
from pipebench.engine.emulator import EmulatedPipeline
from pipebench.launching import messages
from pipebench.launching.rendezvous.place import Place
from pipebench.measuring.computed import Computed, judge, judge_update
from pipebench.measuring.host_speed import host_flops_per_s
from pipebench.measuring.naive import EmulatedNaive
from pipebench.measuring.single_device import SingleDevice
from pipebench.measuring.verification import check_same_loss
from pipebench.models.edges import Steps
from pipebench.models.network import Network
from pipebench.models.outline import BATCHES, batch_of
from pipebench.models.registry import network_for
from pipebench.records.figures import Verification
from pipebench.records.launches import ClockRecord
from pipebench.records.spans import TimelineRecord
from pipebench.records.timelines import timeline_record
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.links import Link
from pipebench.timing.machines import machine_for


class Pair(Protocol):
    """What a launch does with the two, whatever the devices are. All ranks call the same in the same order."""

    pipeline_is_cpu_time: bool
    device: RankDevice  # that this process computes on

    def beside(self, config: RunConfig) -> "Pair":
        """Another pipeline of the same model, against the same baseline."""

    def follow(self, first: Any, raced: messages.Raced | None) -> None:
        """Of one beside the first one, which has raced: take its baseline, and what the race found."""

    def prime(self) -> None:
        """Let what a first call leaves behind come to lie before the large tensors."""

    def touch_memory(self) -> None:
        """Make sure of free memory with its pages in place."""

    def verify(self) -> Verification | None:
        """One step of both on the same parameters and batch; ``None`` from ranks that only take part."""

    def race(self, report: Callable[[str], None]) -> messages.Raced | None:
        """Find the strongest baseline and choose it; ``None`` from ranks that only wait."""

    def choose(self, form: messages.Form) -> None:
        """The baseline's form for the timed steps, with fresh parameters."""

    def rest(self) -> None:
        """Wait until nothing of the last step disturbs the next one."""

    def baseline_step(self, number: int) -> float:
        """One training step of the baseline on batch ``number``, in seconds."""

    def pipeline_step(self, number: int) -> Any:
        """One training step of the pipeline on batch ``number``; what ``timeline`` takes."""

    def timeline(self, measured: Any) -> TimelineRecord:
        """A measured step as a timeline."""

    def wall_per_cpu(self) -> float | None:
        """What pipeline steps took by the wall clock over their CPU time, where that is not seen from outside."""

    def compare_clocks(self) -> None:
        """Of hosts, where there are several, once more after the last step."""

    def host_clocks(self) -> list[ClockRecord]:
        """The clocks of other hosts, where there are several."""

    def peaks_bytes(self) -> list[int] | None:
        """The most that each device's tensors took in a pipeline step, where that is measured."""

    def check_losses(self, *, steps: int) -> None:
        """After ``steps`` of each kind: both must have the same loss."""


def make_pair(job: messages.Job, place: Place, folder: Path) -> Pair:
    """The pair for the job's kind of device."""
    network = network_for(job.config, job.data)
    if not job.config.kind.is_real:
        return EmulatedPair(job, network)
    from pipebench.measuring.ranked_pair import RankedPair  # noqa: PLC0415 - torch.distributed, for ranks only

    return RankedPair(job, network, place, folder)


class EmulatedPair:
    """Baseline and emulated pipeline in one process."""

    pipeline_is_cpu_time = True

    def __init__(
        self, job: messages.Job, network: Network, single: SingleDevice | EmulatedNaive | None = None
    ) -> None:
        config = job.config
        assert config.partition is not None
        self.job, self.config, self.network = job, config, network
        self.device: RankDevice = CpuDevice(time.thread_time)
        if single is None and config.baseline_partition is not None:
            single = EmulatedNaive(job, network)
        self.single = single or SingleDevice(job, network, self.device)
        self.naive = self.single if isinstance(self.single, EmulatedNaive) else None
        self.pipeline = EmulatedPipeline(
            job.plan(),
            network,
            config.layout,
            cell=config.cell,
            checkpoint=config.checkpoint,
            order=config.emulation_order,
        )
        self.batches = [
            network.batch(number, microbatches=config.microbatches, chunks=config.chunks)
            for number in range(BATCHES)
        ]
        self.link = Link()
        if job.host_flops_per_s is not None:
            self._set_link(job.host_flops_per_s)

    def beside(self, config: RunConfig) -> "EmulatedPair":
        """Another pipeline in this process."""
        return EmulatedPair(self.job.of(config), self.network, self.single)

    def follow(self, first: "EmulatedPair", raced: messages.Raced | None) -> None:  # noqa: ARG002 - it has the same
        """The race fixes the time dilation."""
        assert raced is not None
        assert raced.host_flops_per_s is not None
        self._set_link(raced.host_flops_per_s)

    def prime(self) -> None:
        """Take one microbatch through the pipeline."""
        self.pipeline.prime(self.batches[0])

    def touch_memory(self) -> None:
        """Room for a whole-batch step."""
        self.single.touch_memory()

    def verify(self) -> Verification:
        """One training step of the chosen baseline and of the pipeline on the same parameters and batch."""
        reference = self.single.reference(self.config.pieces)
        start = self.pipeline.fingerprints({})
        self.pipeline.step(self.batches[0], update=False)
        gradients = self.pipeline.gradients()
        verification = judge(self.job, reference, Computed(start, gradients, self.pipeline.loss()))
        expected = self.single.updated_by(gradients)
        self.pipeline.update()
        error = judge_update(self.job, expected, self.pipeline.parameters())
        self.single.release()
        self.pipeline.release()
        return structs.replace(verification, max_relative_parameter_error=error)

    def race(self, report: Callable[[str], None]) -> messages.Raced:
        """The race fixes the time dilation."""
        if self.naive is not None:  # its steps have messages: the link comes first
            speed = self._speed(self.naive.host_flops_per_s(), report)
            return structs.replace(self.naive.race(report), host_flops_per_s=speed)
        raced = self.single.race(report)
        return structs.replace(raced, host_flops_per_s=self._speed(raced.host_flops_per_s, report))

    def _speed(self, known: float | None, report: Callable[[str], None]) -> float:
        """This host's, on the model or, where nobody counts its operations, on the built-in one; sets the link."""
        if known is None:
            report("the built-in model, for this host's speed")
            known = host_flops_per_s(self.device)
        self._set_link(known)
        return known

    def choose(self, form: messages.Form) -> None:
        """Take a form of the baseline."""
        self.single.choose(form)

    def rest(self) -> None:
        """Nothing goes on beside this thread."""

    def baseline_step(self, number: int) -> float:
        """Thread CPU seconds."""
        return self.single.step(number)

    def pipeline_step(self, number: int) -> tuple[MeasuredCosts, Steps | None]:
        """Thread CPU seconds of everything in the step, and the steps of time in each of its slices."""
        batch = self.batches[batch_of(number)]
        costs = self.pipeline.step(batch)
        self.pipeline.release()
        return costs, batch.steps

    def timeline(self, measured: tuple[MeasuredCosts, Steps | None]) -> TimelineRecord:
        """The step in virtual time."""
        costs, steps = measured
        timeline = self.pipeline.timeline(costs, self.link, steps)
        sizes = partial(self.pipeline.message_bytes, steps=steps)
        return timeline_record(timeline, clock="virtual", message_bytes=sizes)

    def wall_per_cpu(self) -> None:
        """Seen from outside: a step is one stretch of this thread's work."""

    def compare_clocks(self) -> None:
        """One process has one clock."""

    def host_clocks(self) -> list[ClockRecord]:
        """One process has one clock."""
        return []

    def peaks_bytes(self) -> None:
        """Not measured: all devices share this process."""

    def check_losses(self, *, steps: int) -> None:
        """Both must have the same loss."""
        check_same_loss(self.single.loss(), self.pipeline.loss(), steps=steps)

    def _set_link(self, host_flops_per_s: float) -> None:
        machine = machine_for(
            self.config.machine,
            host_flops_per_s=host_flops_per_s,
            measured=self.job.link,
            message_bytes=self.config.message_bytes,
        )
        self.link = machine.link.dilated(machine.time_dilation(host_flops_per_s))
        if self.naive is not None:
            self.naive.link = self.link
