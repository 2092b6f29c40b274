"""The pair on real ranks: every rank has its part of the pipeline, rank 0 the baseline too."""

import time
from collections.abc import Callable
from pathlib import Path

from pipebench.models.data import BATCHES
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import add_transfers
from pipebench.records.schema import TimelineRecord, Verification
from pipebench.records.timelines import timeline_record
from pipebench.runtime import group, messages
from pipebench.runtime.batches import slice_batch
from pipebench.runtime.heartbeat import Heartbeats
from pipebench.runtime.pair import SingleDevice, judge
from pipebench.runtime.ranks import REST_S, RankedPipeline, Readings
from pipebench.runtime.verification import check_same_loss

_BEYOND_THE_DEADLINE = 3600.0  # a wait for a message must not end before the launcher names the culprit


class RankedPair:
    """One rank's share. The ranks that have no baseline meet rank 0 again at the next message."""

    pipeline_is_cpu_time = False

    def __init__(self, job: messages.Job, rank: int, folder: Path) -> None:
        config = job.config
        assert config.partition is not None
        self.job, self.rank = job, rank
        self.single = SingleDevice(job, time.perf_counter) if rank == 0 else None
        group.join(folder, rank=rank, ranks=job.ranks, timeout_s=_BEYOND_THE_DEADLINE)
        graph = config.graph
        self.pipeline = RankedPipeline(
            add_transfers(SCHEDULES[config.schedule].plan(graph)),
            config.workload,
            config.partition,
            rank=rank,
            learning_rate=config.learning_rate,
            checkpoint=config.checkpoint,
            heartbeats=Heartbeats(folder / "heartbeats", job.ranks),
        )
        self.pipeline.initialise(config.seed)
        self.batches = [
            slice_batch(b, config.workload, microbatches=graph.microbatches, chunks=graph.chunks)
            for b in job.data.batches
        ]

    def prime(self) -> None:
        """A first whole step: real ranks cannot take a part of one."""
        self.pipeline.step(self.batches[0], update=False)
        self.pipeline.release()

    def touch_memory(self) -> None:
        """Room for a whole-batch step in rank 0; the others' steps are as small as their microbatches."""
        if self.single is not None:
            self.single.touch_memory()

    def verify(self) -> Verification | None:
        """The checked step: headers travel before payloads. Rank 0 holds it against its baseline."""
        reference = self.single.reference() if self.single is not None else None
        self.pipeline.step(self.batches[0], update=False, checked=True)
        gradients, loss = self.pipeline.gradients(), self.pipeline.loss()
        self.pipeline.release()
        if reference is None or gradients is None:
            return None
        return judge(self.job, reference, (gradients, loss))

    def race(self, report: Callable[[str], None]) -> messages.Raced | None:
        """Rank 0 races alone on its core; the others wait at the next step's barrier."""
        return self.single.race(report) if self.single is not None else None

    def choose(self, form: messages.Form) -> None:
        """Take a form of the baseline."""
        if self.single is not None:
            self.single.choose(form)

    def baseline_step(self, number: int) -> float:
        """Wall seconds on rank 0, while the others wait for it."""
        if self.single is None:
            return 0.0
        time.sleep(REST_S)
        return self.single.step(number)

    def pipeline_step(self, number: int) -> Readings:
        """One step of all ranks."""
        readings = self.pipeline.step(self.batches[number % BATCHES])
        self.pipeline.release()
        return readings

    def timeline(self, measured: Readings) -> TimelineRecord:
        """The step by the wall clock; on ranks other than 0 an empty one, since only rank 0 reports."""
        timeline = self.pipeline.timeline(measured)
        if timeline is None:
            return TimelineRecord(clock="wall", makespan_s=0.0, spans=[], transfers=[], other=[])
        return timeline_record(timeline, clock="wall", message_bytes=self.pipeline.message_bytes)

    def check_losses(self, *, steps: int) -> None:
        """Both must have the same loss."""
        loss = self.pipeline.loss()
        if self.single is not None:
            check_same_loss(self.single.baseline.loss(), loss, steps=steps)
