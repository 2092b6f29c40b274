"""The baseline of a model that no single device can hold: the naive schedule on the fewest devices that can.

One device works at a time, on the whole batch. But for messages, a step takes as long as on a single device with enough
memory. So a speed-up over it means the same as a speed-up over one device.
"""

from collections.abc import Callable, Sequence

from pipebench.engine.emulator import EmulatedPipeline
from pipebench.launching import messages
from pipebench.measuring.computed import Computed, take_gradients
from pipebench.models.layout import chain_layout, graph_of, shape_of
from pipebench.models.network import Gradients, Network
from pipebench.models.outline import BATCHES, Outline, batch_of, telling_flops
from pipebench.models.shards import Pieces
from pipebench.plan.plan import Plan
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import add_transfers
from pipebench.records.figures import Candidate
from pipebench.timing.links import Link

FORM = messages.Form("naive")
STEPS = 2  # in its race, in which it is the only form


def naive_plan(outline: Outline, partition: Sequence[int]) -> Plan:
    """The plan of the naive schedule: one slice, and one stage on each device."""
    return add_transfers(SCHEDULES[FORM.kind].plan(graph_of(shape_of(outline, partition), 1, 1)))


class EmulatedNaive:
    """The naive schedule on emulated devices; its steps are timed in virtual time, like the pipeline's.

    ``link`` must be set before a step's seconds mean anything.
    """

    def __init__(self, job: messages.Job, network: Network) -> None:
        assert job.config.baseline_partition is not None
        self.job, self.network, self.link = job, network, Link()
        self.partition = job.config.baseline_partition
        self.batches = [network.batch(number, chunks=1) for number in range(BATCHES)]
        self.pipeline: EmulatedPipeline

    def touch_memory(self) -> None:
        """Do nothing: its steps use memory like the pipeline's, and find the same heap."""

    def host_flops_per_s(self) -> float | None:
        """This host's speed on the model, by all devices' work in a step; ``None`` if no card's speed is known."""
        flops = telling_flops(self.network.outline)
        if flops is None:
            return None
        self.choose(FORM)
        costs = [self.pipeline.step(self.batches[0]) for _ in range(STEPS)]
        return flops / min(sum(cost.actions.values()) for cost in costs)

    def race(self, report: Callable[[str], None]) -> messages.Raced:
        """Race the naive schedule alone, since there is no other form."""
        report(f"naive on {len(self.partition)} devices")
        self.choose(FORM)
        steps_s = [self.step(0) for _ in range(STEPS)]
        self.choose(FORM)
        return messages.Raced(
            form=FORM,
            candidates=[Candidate(kind=FORM.kind, microbatches=1, step_s=steps_s, rounds=len(steps_s))],
            host_flops_per_s=None,
            found=self.network.found,
        )

    def choose(self, form: messages.Form) -> None:
        """Make the pipeline anew, with fresh parameters."""
        assert form == FORM
        self.pipeline = EmulatedPipeline(
            naive_plan(self.network.outline, self.partition),
            self.network,
            chain_layout(self.partition),
            order=self.job.config.emulation_order,
        )

    def reference(self, pieces: Pieces) -> Computed:
        """What the baseline computes on the first batch, from the first parameters.

        Args:
            pieces: the pieces of shared tensors in the pipeline that is verified.
        """
        start = self.pipeline.fingerprints(pieces)
        self.pipeline.step(self.batches[0], update=False)
        return Computed(start, self.pipeline.gradients(), self.pipeline.loss())

    def updated_by(self, gradients: Gradients) -> Gradients:
        """The parameters after an update with these gradients."""
        for part in self.pipeline.parts:
            take_gradients(part, gradients)
        self.pipeline.update()
        return self.pipeline.parameters()

    def step(self, number: int) -> float:
        """Run one training step on batch ``number``; its seconds of virtual time."""
        costs = self.pipeline.step(self.batches[batch_of(number)])
        self.pipeline.release()
        return self.pipeline.timeline(costs, self.link, self.batches[batch_of(number)].steps).makespan_s

    def loss(self) -> float:
        """The loss of the last step."""
        return self.pipeline.loss()

    def release(self) -> None:
        """Free the gradients."""
        self.pipeline.release()
