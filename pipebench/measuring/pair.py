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
from pipebench.measuring.libraries import differ
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
    """What a launch does with baseline and pipeline, on any kind of device.

    All ranks call the same methods in the same order.
    """

    pipeline_is_cpu_time: bool
    device: RankDevice  # the device that this process computes on

    def beside(self, config: RunConfig) -> "Pair":
        """A pair of another pipeline of the same model and the same baseline."""

    def follow(self, first: Any, raced: messages.Raced | None) -> None:
        """Take the baseline of the first pair, and what its race found; for pairs that did not race themselves."""

    def prime(self) -> None:
        """Run a first call, so that what it creates and keeps is allocated before the large tensors."""

    def touch_memory(self) -> None:
        """Make sure that enough free memory has its pages in place."""

    def verify(self) -> Verification | None:
        """Compare one step of both on the same parameters and batch; ``None`` on ranks that do not compare.

        Raises:
            RunFailedError: They differ by more than the tolerance.
        """

    def race(self, report: Callable[[str], None]) -> messages.Raced | None:
        """Find the strongest baseline and choose it; ``None`` on ranks that only wait or help."""

    def choose(self, form: messages.Form) -> None:
        """Make the baseline of this form for the timed steps, with fresh parameters."""

    def rest(self) -> None:
        """Wait until nothing of the last step disturbs the next one."""

    def baseline_step(self, number: int) -> float:
        """Run one training step of the baseline on batch ``number``; its seconds."""

    def pipeline_step(self, number: int) -> Any:
        """Run one training step of the pipeline on batch ``number``; the argument for ``timeline``."""

    def timeline(self, measured: Any) -> TimelineRecord:
        """A measured step as a timeline."""

    def wall_per_cpu(self) -> float | None:
        """Wall time over CPU time of the pipeline steps; ``None`` if the caller measures it, or it has no meaning."""

    def compare_clocks(self) -> None:
        """Compare the clocks of several hosts once more, after the last step."""

    def host_clocks(self) -> list[ClockRecord]:
        """The clocks of all hosts but rank 0's; empty if there is one host."""

    def peaks_bytes(self) -> list[int] | None:
        """The most bytes that each device's tensors took in a pipeline step; ``None`` if this is not measured."""

    def other_library(self) -> list[int]:
        """The ranks whose split cells use other libraries than those that the run found; empty but on rank 0."""

    def check_losses(self, *, steps: int) -> None:
        """Check that both have the same loss, after ``steps`` steps of each.

        Raises:
            RunFailedError: The losses differ too much, or are not finite.
        """


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
        """A pair of another pipeline in this process and the same baseline."""
        return EmulatedPair(self.job.of(config), self.network, self.single)

    def follow(self, first: "EmulatedPair", raced: messages.Raced | None) -> None:  # noqa: ARG002 - same baseline
        """Set the time dilation by the host's speed, which the race found."""
        assert raced is not None
        assert raced.host_flops_per_s is not None
        self._set_link(raced.host_flops_per_s)

    def prime(self) -> None:
        """Run a first microbatch through the pipeline."""
        self.pipeline.prime(self.batches[0])

    def touch_memory(self) -> None:
        """Put pages in place for a whole-batch step."""
        self.single.touch_memory()

    def verify(self) -> Verification:
        """Compare one training step of the chosen baseline and of the pipeline, on the same parameters and batch."""
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
        """Find the strongest baseline; the host's speed that is found with it sets the time dilation."""
        if self.naive is not None:  # its steps have messages: the link comes first
            speed = self._speed(self.naive.host_flops_per_s(), report)
            return structs.replace(self.naive.race(report), host_flops_per_s=speed)
        raced = self.single.race(report)
        return structs.replace(raced, host_flops_per_s=self._speed(raced.host_flops_per_s, report))

    def _speed(self, known: float | None, report: Callable[[str], None]) -> float:
        """Set the link by this host's speed; the speed, which is measured on the built-in model if it is not known."""
        if known is None:
            report("the built-in model, for this host's speed")
            known = host_flops_per_s(self.device)
        self._set_link(known)
        return known

    def choose(self, form: messages.Form) -> None:
        """Make the baseline of this form."""
        self.single.choose(form)

    def rest(self) -> None:
        """Do nothing: no other thread works."""

    def baseline_step(self, number: int) -> float:
        """Run one step of the baseline; its thread CPU seconds, or virtual seconds of the naive schedule."""
        return self.single.step(number)

    def pipeline_step(self, number: int) -> tuple[MeasuredCosts, Steps | None]:
        """Run one step; the thread CPU seconds of everything in it, and the time steps in each of its slices."""
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
        """Return ``None``: the caller can measure it, since a step is one piece of this thread's work."""

    def compare_clocks(self) -> None:
        """Do nothing: one process has one clock."""

    def host_clocks(self) -> list[ClockRecord]:
        """No clocks: one process has one clock."""
        return []

    def peaks_bytes(self) -> None:
        """Return ``None``: not measured, since all devices share this process."""

    def other_library(self) -> list[int]:
        """Rank 0, which is this process, if its split cells use other libraries than those that the run found."""
        return [0] if differ(self.network.found, self.config.found or {}, self.config.cell) else []

    def check_losses(self, *, steps: int) -> None:
        """Check that both have the same loss."""
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
