"""The pair on real ranks: every rank has its share of the pipeline, and rank 0 also has the baseline."""

import time
from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from pathlib import Path
from statistics import median_low

import msgspec

from pipebench.config.run_config import RunConfig
from pipebench.engine import group
from pipebench.engine.clocks import HostClocks, clocks_of
from pipebench.engine.connections import TRANSPORTS, Transports
from pipebench.engine.device import RankDevice
from pipebench.engine.devices import device_of as device_of_kind
from pipebench.engine.ranks import REST_S, RankedPipeline, Readings
from pipebench.launching import messages
from pipebench.launching.heartbeat import IDLE, WAITING, Heartbeats
from pipebench.launching.rendezvous.place import Place
from pipebench.measuring.computed import Computed, judge, judge_update
from pipebench.measuring.device_speeds import all_speeds
from pipebench.measuring.libraries import agreed, differ
from pipebench.measuring.race import TooBigError
from pipebench.measuring.ranked_naive import RankedNaive, everywhere, fewest_devices
from pipebench.measuring.single_device import SingleDevice
from pipebench.measuring.verification import check_same_loss
from pipebench.models.edges import Steps
from pipebench.models.layout import Layout, edges_of
from pipebench.models.network import Network
from pipebench.models.outline import BATCHES, batch_of, whole
from pipebench.plan.plan import Plan
from pipebench.records.figures import Verification
from pipebench.records.launches import ClockRecord
from pipebench.records.spans import TimelineRecord
from pipebench.records.timelines import timeline_record


class RankedPair:
    """One rank's share of the pair. Ranks without a baseline wait for rank 0's next message while it runs.

    Args:
        job: the job of the launch.
        network: the job's model; this rank makes it anew if rank 0 found other libraries to be the best.
        place: the place of this rank among all.
        folder: the folder of the launch.
        device_of: gives the device with a given number on this host; by default a device of the job's kind.
        transport: makes this rank's transport; by default the one for the job's kind of device.
    """

    pipeline_is_cpu_time = False

    def __init__(
        self,
        job: messages.Job,
        network: Network,
        place: Place,
        folder: Path,
        *,
        device_of: Callable[[int], RankDevice] | None = None,
        transport: Transports | None = None,
    ) -> None:
        config = job.config
        assert config.partition is not None
        self.job, self.place, self.rank = job, place, place.rank
        self.device_of = device_of or partial(device_of_kind, config.kind)
        self.device = self.device_of(place.device)
        self.device.use()
        self.single: SingleDevice | None = None
        self._peak = self._busy_s = self._cpu_s = 0.0
        heartbeats = Heartbeats(folder / "heartbeats", job.ranks)
        heartbeats.beat(self.rank, WAITING)
        group.join(place, folder, timeout_s=job.patience_s)
        heartbeats.beat(self.rank, WAITING if self.rank else IDLE)  # the others wait for what rank 0 finds
        self.clocks = clocks_of(place)
        self.network, found = agreed(network, job, self.rank, self.device.torch)
        self.told = found | (config.found or {})
        heartbeats.beat(self.rank, IDLE)
        self.transport, self.heartbeats = transport or TRANSPORTS[config.kind], heartbeats
        self.numbered = True
        self.load()
        self.naive: RankedNaive | None = None
        if config.baseline_partition is not None:
            self.naive = RankedNaive(job, self.network, self._pipeline, self.device)
        elif self.rank == 0:
            self.single = SingleDevice(job, self.network, self._device_of_rank(job.baseline_device))

    def load(self) -> None:
        """Make the pipeline of the job, and the batches, cut as it takes them."""
        config = self.job.config
        self.pipeline = self._pipeline(
            self.job.plan(), config.layout, cell=config.cell, checkpoint=config.checkpoint
        )
        self.batches = [
            self.network.batch(
                number, microbatches=config.microbatches, chunks=config.chunks, device=self.device.torch
            )
            for number in range(BATCHES)
        ]

    def beside(self, config: RunConfig) -> "RankedPair":
        """A pair of another pipeline on the same ranks. If it hangs, the report names no action, as plans differ."""
        other = copy(self)
        other.job, other.numbered = self.job.of(config), False
        other.load()
        return other

    def follow(self, first: "RankedPair", raced: messages.Raced | None) -> None:  # noqa: ARG002 - not needed here
        """Take the baseline of the first pair, which its race made."""
        self.job = first.job.of(self.job.config)
        self.single, self.naive = first.single, first.naive

    def _pipeline(
        self, plan: Plan, layout: Layout, *, cell: str = "fused", checkpoint: str = "none"
    ) -> RankedPipeline:
        """The pipeline that is this rank's share of a plan, with fresh parameters."""
        graph = plan.graph
        edges = edges_of(self.network.outline, layout, graph.microbatches, graph.chunks_each)
        return RankedPipeline(
            plan,
            self.network,
            layout,
            edges,
            rank=self.rank,
            device=self.device,
            transport=self.transport(self.job, plan, edges, self.rank, self.device),
            cell=cell,
            checkpoint=checkpoint,
            heartbeats=self.heartbeats,
            numbered=self.numbered and plan.graph == self.job.config.graph,
            clocks=self.clocks,
        )

    def prime(self) -> None:
        """Run a whole first step, since real ranks cannot run a part of a step.

        The step is checked, so that no receive is posted ahead. While a GPU loads its kernels for the first time, a
        waiting receive could block the loading, and then its message would never come.
        """
        self.pipeline.step(self.batches[0], update=False, checked=True)
        self.pipeline.release()

    def touch_memory(self) -> None:
        """Put pages in place for a whole-batch step on rank 0; other ranks only run microbatches."""
        if self.single is not None:
            self.single.touch_memory()

    def verify(self) -> Verification | None:
        """Run a checked step, in which headers travel before payloads; rank 0 compares it with its baseline."""
        side = self.naive or self.single
        reference = side.reference(self.job.config.pieces) if side is not None else None
        start = self.pipeline.fingerprints({})
        self.pipeline.step(self.batches[0], update=False, checked=True)
        gradients, loss = self.pipeline.gradients(), self.pipeline.loss()
        # before the update: an optimizer may write into the gradients, and those on rank 0 are not copied
        verification = None
        if reference is not None and start is not None and gradients is not None:
            verification = judge(self.job, reference, Computed(start, gradients, loss))
        expected = side.updated_by(gradients) if side is not None else None
        if side is not None:
            side.release()
        self.pipeline.update()
        parameters = self.pipeline.parameters()
        self.pipeline.release()
        if verification is None or expected is None or parameters is None:
            return None
        error = judge_update(self.job, expected, parameters)
        return msgspec.structs.replace(verification, max_relative_parameter_error=error)

    def race(self, report: Callable[[str], None]) -> messages.Raced | None:
        """Race on rank 0 alone, on the GPU of median speed among those that it sees; the other ranks wait."""
        if self.naive is not None:
            return self.naive.race(report)
        differ = self.device.has_own_speed
        speeds = all_speeds(self.network, self.device, self.job.ranks) if differ else []
        near = self.place.within_reach(0)
        chosen = near[of_median_speed([speeds[rank] for rank in near])] if speeds else 0
        raced = self._raced_alone(chosen, report) if self.rank == 0 else None
        if self.device.has_own_memory and not everywhere(self.rank != 0 or raced is not None):
            return self._race_naive(report)
        if raced is None:
            return None
        flops = self.network.outline.step_flops(whole(self.network.outline))
        known = [flops * steps_per_s for steps_per_s in speeds] if flops is not None else []
        return msgspec.structs.replace(raced, device=chosen, device_flops_per_s=known)

    def _device_of_rank(self, rank: int) -> RankDevice:
        """The device that a rank of this host has."""
        return self.device_of(self.place.seats[rank].device)

    def _raced_alone(self, chosen: int, report: Callable[[str], None]) -> messages.Raced | None:
        """The race on a single device; ``None`` if the model does not fit on it."""
        self.single = SingleDevice(self.job, self.network, self._device_of_rank(chosen))
        try:
            return self.single.race(report)
        except TooBigError:
            self.single = None
            return None

    def _race_naive(self, report: Callable[[str], None]) -> messages.Raced | None:
        """Find the fewest devices on which the naive schedule fits, by trying each device's part, and race it."""
        partition = fewest_devices(self.network, self.device, self.rank, self.job.ranks)
        config = msgspec.structs.replace(self.job.config, baseline_partition=partition)
        self.job = msgspec.structs.replace(self.job, config=config)
        self.naive = RankedNaive(self.job, self.network, self._pipeline, self.device)
        raced = self.naive.race(report)
        return raced and msgspec.structs.replace(raced, baseline_partition=partition)

    def choose(self, form: messages.Form) -> None:
        """Make the baseline of this form."""
        if self.naive is not None:
            self.naive.choose(form)
        if self.single is not None:
            self.single.choose(form)

    def rest(self) -> None:
        """Wait until gloo's input thread has left the core to the baseline."""
        time.sleep(REST_S)

    def baseline_step(self, number: int) -> float:
        """Run one step of the baseline; its seconds on rank 0, and 0 on the others.

        The others wait, or take part if the baseline is the naive schedule.
        """
        if self.naive is not None:
            return self.naive.step(number)
        return self.single.step(number) if self.single is not None else 0.0

    def pipeline_step(self, number: int) -> tuple[Readings, Steps | None]:
        """Run one step on all ranks; this rank's readings, and the time steps in each of its slices."""
        batch = self.batches[batch_of(number)]
        readings = self.pipeline.step(batch)
        self.pipeline.release()
        self._peak = max(self._peak, readings.peak_bytes)
        self._busy_s += readings.busy_s
        self._cpu_s += readings.cpu_s
        return readings, batch.steps

    def timeline(self, measured: tuple[Readings, Steps | None]) -> TimelineRecord:
        """The step's timeline by the wall clock; empty on ranks other than 0, since only rank 0 reports."""
        readings, steps = measured
        timeline = self.pipeline.timeline(readings)
        if timeline is None:
            return TimelineRecord(clock="wall", makespan_s=0.0, spans=[], transfers=[], other=[])
        sizes = partial(self.pipeline.message_bytes, steps=steps)
        return timeline_record(timeline, clock="wall", message_bytes=sizes)

    def peaks_bytes(self) -> list[int] | None:
        """Each rank's largest peak so far, without the baseline's bytes if that is on the same device."""
        if self.device.peak_bytes() is None:
            return None
        shared = self.single is not None and self.single.device.torch == self.device.torch
        resident = self.single.resident_bytes if self.single is not None and shared else 0
        peaks = self.pipeline.gathered(self._peak - resident)
        return None if peaks is None else [int(peak) for peak in peaks]

    def compare_clocks(self) -> None:
        """Compare the clocks once more after the last step. Collective."""
        self.clocks.refresh()

    def host_clocks(self) -> list[ClockRecord]:
        """The clocks of all hosts but rank 0's, as compared with rank 0's clock in this launch."""
        if not isinstance(self.clocks, HostClocks):
            return []
        return [
            ClockRecord(
                host=clock.host,
                offset_s=clock.last.offset_s,
                drift=clock.drift,
                uncertainty_s=clock.uncertainty_s,
            )
            for clock in self.clocks.hosts()
        ]

    def other_library(self) -> list[int]:
        """The ranks whose split cells use other libraries than those that the run found; empty but on rank 0."""
        differs = differ(self.network.found, self.told, self.job.config.cell)
        found = self.pipeline.gathered(float(differs))
        return [] if found is None else [rank for rank, other in enumerate(found) if other]

    def wall_per_cpu(self) -> float | None:
        """The time that a rank worked by the wall clock over its CPU time, of the worst rank; ``None`` on GPUs."""
        if not self.device.has_cpu_clock:
            return None
        ratios = self.pipeline.gathered(self._busy_s / self._cpu_s if self._cpu_s else 0.0)
        return None if ratios is None else max(ratios)

    def check_losses(self, *, steps: int) -> None:
        """Check that both have the same loss."""
        loss = self.pipeline.loss()
        side = self.naive or self.single
        if side is not None:
            check_same_loss(side.loss(), loss, steps=steps)


def of_median_speed(speeds: Sequence[float]) -> int:
    """The number of the device of median speed; of two in the middle, the slower one."""
    return speeds.index(median_low(speeds))
