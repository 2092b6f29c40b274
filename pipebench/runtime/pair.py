"""The pair that a launch measures: baseline and pipeline, side by side on the same batches."""

import time
from collections.abc import Callable
from math import inf, nan

import torch

from pipebench.models.data import BATCHES
from pipebench.plan.graph import Graph
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import add_transfers
from pipebench.records.schema import TimelineRecord, Verification
from pipebench.records.timelines import timeline_record
from pipebench.runtime import messages
from pipebench.runtime.baseline import Baseline, race
from pipebench.runtime.batches import slice_batch
from pipebench.runtime.emulator import EmulatedPipeline
from pipebench.runtime.faults import injected
from pipebench.runtime.verification import check_same_loss, verify
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.links import Link
from pipebench.timing.machines import machine_named

_LAYER_STEPS = 3  # the first one warms up: it is never the least


class Pair:
    """Baseline and emulated pipeline of one launch."""

    def __init__(self, job: messages.Job) -> None:
        config = job.config
        assert config.partition is not None
        self.job, self.config, self.workload = job, config, config.workload
        graph = Graph(config.gpus, config.microbatches, config.chunks)
        plan = add_transfers(SCHEDULES[config.schedule].plan(graph))
        self.pipeline = EmulatedPipeline(
            plan,
            self.workload,
            config.partition,
            learning_rate=config.learning_rate,
            order=config.emulation_order,
        )
        self.pipeline.initialise(config.seed)
        self.batches = [
            slice_batch(b, self.workload, microbatches=graph.microbatches, chunks=graph.chunks)
            for b in job.data.batches
        ]
        self.link = Link()
        if job.host_flops_per_s is not None:
            self._set_link(job.host_flops_per_s)

    def prime(self) -> None:
        """Let what a first call leaves behind come to lie before the large tensors."""
        self.pipeline.prime(self.batches[0])

    def touch_memory(self) -> None:
        """Make sure of one free stretch of the heap that a whole-batch step fits in, with its pages in place.

        Called again after the warm-up: a first step leaves small blocks that live on (torch's and oneDNN's
        caches), now and then in the midst of the stretch, and then another one is needed.
        """
        whole = self.workload.memory(self.workload.whole, 1, 1, 1)
        torch.empty(int(1.5 * whole.total), dtype=torch.uint8).fill_(1)

    def verify(self) -> Verification:
        """One step of the plain chain and of the pipeline on the same parameters and batch."""
        reference = self._baseline(messages.Form("chain"))
        reference.step(reference.slice(self.job.data.batches[0]), update=False)
        self.pipeline.step(self.batches[0], update=False)
        gradients, loss = self.pipeline.gradients(), self.pipeline.loss()
        if injected("mismatch"):
            gradients = {name: g * 1.001 if g is not None else None for name, g in gradients.items()}
        verification = verify(
            reference.gradients(),
            gradients,
            expected_loss=reference.loss(),
            loss=nan if injected("nan") else loss,
            dtype=self.config.dtype,
        )
        self.pipeline.release()
        return verification

    def race(self, report: Callable[[str], None]) -> messages.Raced:
        """Find the strongest baseline; its speed is the host's speed, which fixes the time dilation."""
        form, candidates = race(
            self.workload,
            self.job.data.batches[0],
            learning_rate=self.config.learning_rate,
            seed=self.config.seed,
            report=lambda form: report(form.text()),
        )
        best_s = min(min(candidate.step_s) for candidate in candidates)
        speed = self.workload.step_flops(self.workload.whole) / best_s
        self._set_link(speed)
        self.choose(form)
        return messages.Raced(form=form, candidates=candidates, host_flops_per_s=speed)

    def choose(self, form: messages.Form) -> None:
        """The baseline's form for the timed steps, with fresh parameters."""
        self.baseline = self._baseline(form)
        self.baseline_batches = [self.baseline.slice(batch) for batch in self.job.data.batches]

    def baseline_step(self, number: int) -> float:
        """One training step of the baseline on batch ``number``: thread CPU seconds."""
        batch = self.baseline_batches[number % BATCHES]
        start = time.thread_time()
        self.baseline.step(batch)
        seconds = time.thread_time() - start
        self.baseline.release()
        return seconds

    def pipeline_step(self, number: int) -> MeasuredCosts:
        """One training step of the pipeline on batch ``number``: thread CPU seconds of everything in it."""
        costs = self.pipeline.step(self.batches[number % BATCHES])
        self.pipeline.release()
        return costs

    def timeline(self, costs: MeasuredCosts) -> TimelineRecord:
        """A measured step in virtual time."""
        timeline = self.pipeline.timeline(costs, self.link)
        return timeline_record(timeline, clock="virtual", message_bytes=self.pipeline.message_bytes)

    def check_losses(self) -> None:
        """After as many steps of each kind, both must have the same loss."""
        check_same_loss(self.baseline.loss(), self.pipeline.loss())

    def _baseline(self, form: messages.Form) -> Baseline:
        baseline = Baseline(form, self.workload, learning_rate=self.config.learning_rate)
        baseline.initialise(self.config.seed)
        return baseline

    def _set_link(self, host_flops_per_s: float) -> None:
        machine = machine_named(self.config.machine)
        self.link = machine.link.dilated(machine.time_dilation(host_flops_per_s))


def measure_layers(job: messages.Job, emit: Callable[[messages.Message], None]) -> messages.LayerCosts:
    """A quick measurement of every layer: a pipeline cut as finely as can be, its costs summed by stage.

    The embedding is measured with the first layer, where every partition has it; the projection alone.
    """
    config = job.config
    graph = Graph(config.layers + 1, config.microbatches, config.chunks)
    pipeline = EmulatedPipeline(
        add_transfers(SCHEDULES["gpipe"].plan(graph)),
        config.workload,
        [1] * config.layers + [0],
        learning_rate=config.learning_rate,
    )
    pipeline.initialise(config.seed)
    batch = slice_batch(
        job.data.batches[0], config.workload, microbatches=graph.microbatches, chunks=graph.chunks
    )
    best = [inf] * graph.stages
    for number in range(_LAYER_STEPS):
        emit(messages.Progress(doing="measuring layers", share=number / _LAYER_STEPS))
        costs = pipeline.step(batch)
        seconds = [costs.before_s(stage) + costs.after_s(stage) for stage in range(graph.stages)]
        for action, action_s in costs.actions.items():
            seconds[action.stage] += action_s
        best = [min(pair) for pair in zip(best, seconds, strict=True)]
    return messages.LayerCosts(layers=best[:-1], projection=best[-1])
